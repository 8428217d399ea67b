/** The word that a page leaves for the one that a reload puts in its place. */

/** Where a page stood when it was unloaded: the page that a reload puts in its place goes on from there. */
export interface Left {
  tab: string;
  boot: string;
  position: number;
}

export function leaveWord(key: string, left: Left): void {
  try {
    sessionStorage.setItem(key, JSON.stringify(left));
  } catch {
    // Full, or forbidden by the user: the page after this one begins anew.
  }
}

/**
 * Takes the word that the page before left. A duplicated tab finds none: its original is still there and has
 * left nothing.
 */
export function takeLeft(key: string): Left | undefined {
  try {
    const left: unknown = JSON.parse(sessionStorage.getItem(key) ?? 'null');
    sessionStorage.removeItem(key);
    const { tab, boot, position } = (left ?? {}) as Partial<Left>;
    return typeof tab === 'string' && typeof boot === 'string' && typeof position === 'number'
      ? { tab, boot, position }
      : undefined;
  } catch {
    return undefined;
  }
}
