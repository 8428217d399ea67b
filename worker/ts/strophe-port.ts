/**
 * Pages of strophe.js, which understand lists `[word, …]` only, as far as they are answered without the
 * engine.
 */
import type { Port } from '../../port/ts/port.ts';

/** How each such page has asked for a session, if it has. */
const asked = new WeakMap<Port, readonly unknown[]>();

/** Takes note of what a page says: one of ours says no lists. */
export function noteWord(port: Port, said: unknown): void {
  if (!Array.isArray(said)) return;
  if (!asked.has(port) || said[0] === '_connect' || said[0] === '_attach') asked.set(port, said);
}

/** Tells such a page that there is no engine, so that what it waits for fails; false for a page of ours. */
export function refuseStrophe(port: Port, why: string): boolean {
  const [word, , , version] = asked.get(port) ?? [];
  if (word === undefined) return false;
  // Once: such a page closes its socket at each end that it is told of.
  asked.set(port, []);
  port.postMessage(['log', 'fatal', why]);
  if (word === '_attach') port.postMessage(['_attachCallback', 12]);
  // A page of version 0, which names none, knows the event of a socket.
  else if (word === '_connect' && version === undefined)
    port.postMessage(['_onClose', { code: 1006, reason: why }]);
  else port.postMessage(['_onClose', why]);
  return true;
}
