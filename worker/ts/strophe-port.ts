/**
 * Pages of strophe.js, which understand lists `[word, …]` only, as far as they are answered without the
 * engine.
 */
import type { Port } from '../../port/ts/port.ts';

/** What each such page has asked for last. */
const asked = new WeakMap<Port, unknown>();

/** Takes note of what a page says: one of ours says no lists. */
export function noteWord(port: Port, said: unknown): void {
  if (Array.isArray(said)) asked.set(port, said[0]);
}

/** Tells such a page that there is no engine, so that what it waits for fails; false for a page of ours. */
export function refuseStrophe(port: Port, why: string): boolean {
  if (!asked.has(port)) return false;
  port.postMessage(['log', 'fatal', why]);
  port.postMessage(asked.get(port) === '_attach' ? ['_attachCallback', 12] : ['_onClose', why]);
  return true;
}
