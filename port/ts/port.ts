/** What joins a page and an engine. */

/** One end: a `MessagePort`, or what does as well. */
export type Port = Pick<MessagePort, 'onmessage' | 'postMessage' | 'close'>;
