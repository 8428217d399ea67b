/**
 * Logouts of other tabs. An app that connects again by itself whenever it hears DISCONNECTED would undo them:
 * it cannot tell a logout elsewhere from a connection that was lost.
 */
import { getBareJidFromJid } from '../../port/ts/jid.ts';

/** How long such an app is refused after a logout. */
const REST = 10_000;

/** When another tab logged out of an account that this page was in. */
const logouts = new Map<string | undefined, number>();

/** As far as case does not tell accounts apart. */
export const accountOf = (jid: string): string | undefined => getBareJidFromJid(jid)?.toLowerCase();

/** Another tab has logged out of this account. */
export function noteLogout(jid: string): void {
  logouts.set(accountOf(jid), performance.now());
}

/** In how many seconds this page may log in to this account again by itself; 0 for now. */
export function restAfterLogout(jid: string): number {
  const since = performance.now() - (logouts.get(accountOf(jid)) ?? -REST);
  return Math.max(0, Math.ceil((REST - since) / 1000));
}
