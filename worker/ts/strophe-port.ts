/**
 * Pages with Strophe's own client, which speaks to a shared worker in arrays `[word, …]`: this worker does
 * not, and says so in words that such a page understands, where it would else wait for ever.
 */
import type { Port } from '../../port/ts/port.ts';

const SENTENCE =
  "this is the worker of Epode, which does not speak the wire of strophe.js: load Epode's own client (the package " +
  '"epode") in the place of strophe.js, or let the option "worker" name Strophe\'s shared-connection-worker.js';

/** What fails for the page, by its wish: Strophe's ATTACHFAIL, and a close, which is CONNFAIL. */
const FAILURES = new Map<unknown, readonly unknown[]>([
  ['_attach', ['_attachCallback', 12]],
  ['_connect', ['_onClose', SENTENCE]],
]);

/** Whether it is with this that such a page begins: one of ours begins with an object. */
export const isOfStrophe = (data: unknown): boolean => Array.isArray(data) && typeof data[0] === 'string';

/** Answers what such a page has said first, and what it says then. */
export function answerStrophe(port: Port, first: unknown): void {
  const answer = (data: unknown): void => {
    // Goodbyes and signs of life want nothing.
    const failure = FAILURES.get(Array.isArray(data) && data[0]);
    if (failure) for (const word of [['log', 'fatal', SENTENCE], failure]) port.postMessage(word);
  };
  port.onmessage = ({ data }) => answer(data);
  answer(first);
}
