/** The checkpoint that a page leaves for the page that a reload puts in its place. */

/** Which tab a page was, and where it stood when it was unloaded: the page after it goes on from there. */
export interface Checkpoint {
  tab: string;
  boot: string;
  position: number;
}

/** Leaves a checkpoint under this key. */
export function leaveCheckpoint(key: string, checkpoint: Checkpoint): void {
  try {
    sessionStorage.setItem(key, JSON.stringify(checkpoint));
  } catch {
    // Full, or forbidden by the user: the page after this one begins anew.
  }
}

/**
 * Takes the checkpoint that the page before has left. A duplicated tab finds none: its original is still
 * there and has left nothing.
 */
export function takeCheckpoint(key: string): Checkpoint | undefined {
  try {
    const left: unknown = JSON.parse(sessionStorage.getItem(key) ?? 'null');
    sessionStorage.removeItem(key);
    const { tab, boot, position } = (left ?? {}) as Partial<Checkpoint>;
    return typeof tab === 'string' && typeof boot === 'string' && typeof position === 'number'
      ? { tab, boot, position }
      : undefined;
  } catch {
    return undefined;
  }
}
