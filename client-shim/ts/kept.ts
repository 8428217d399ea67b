/**
 * The session over BOSH that a page keeps for the page after it, in Strophe's own entry of `sessionStorage`:
 * an app may go from Strophe to this package, and back, by a reload.
 */
import { getBareJidFromJid, getDomainFromJid, getNodeFromJid } from '../../port/ts/jid.ts';

/** Strophe's key. There is one for all connections of a tab. */
const KEY = 'strophe-bosh-session';

/** The numbers that Strophe's entry has no place for; they count with the rid of that entry. */
export const TERMS = 'epode-bosh-session';

/** A session at the server. */
export interface Kept {
  jid: string;
  sid: string;
  /** The rid of the next request. */
  rid: number;
}

/** The largest rid (XEP-0124 §14.1). */
const LAST_RID = Number.MAX_SAFE_INTEGER;

/** An error by the name under which apps of Strophe expect it. */
export function sessionError(message: string): Error {
  return Object.assign(new Error(message), { name: 'StropheSessionError' });
}

/** A rid, which some servers and apps write as text; `undefined` if this is none. */
export function asRid(given: unknown): number | undefined {
  const rid = typeof given === 'string' && /^\d+$/.test(given) ? Number(given) : given;
  return Number.isSafeInteger(rid) && (rid as number) > 0 && (rid as number) <= LAST_RID
    ? (rid as number)
    : undefined;
}

/**
 * The session that was kept for this account; a domain stands for any account there.
 *
 * @throws Error that is named `StropheSessionError`, if there is none
 */
export function keptSession(account: string | null | undefined): Kept {
  const { jid, sid, rid: written } = read();
  const rid = asRid(written);
  const isMeant =
    account === undefined ||
    account === null ||
    (typeof jid === 'string' &&
      (getBareJidFromJid(jid) === getBareJidFromJid(account) ||
        (getNodeFromJid(account) === null && getDomainFromJid(jid) === account)));
  if (rid && jid && typeof jid === 'string' && sid && typeof sid === 'string' && isMeant)
    return { jid, sid, rid };
  throw sessionError('_restore: no restoreable session.');
}

/** Keeps a session, in the place of the one before. */
export function keepSession({ jid, rid, sid }: Kept): void {
  sessionStorage.setItem(KEY, JSON.stringify({ jid, rid, sid }));
}

/** Keeps no session any more. */
export function forgetSession(): void {
  try {
    for (const key of [KEY, TERMS]) sessionStorage.removeItem(key);
  } catch {
    // Forbidden by the user, who has nothing kept then.
  }
}

/** Whoever wrote the entry: anything but an object is nothing. */
function read(): Partial<Record<keyof Kept, unknown>> {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? '{}') ?? {};
  } catch {
    return {};
  }
}
