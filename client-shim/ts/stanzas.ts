/** Stanzas as an async iterator. */
import { Handler, type HandlerList, type HandlerOptions } from './handlers.ts';

/**
 * The criteria of a loop, named like the arguments of `addHandler`. A stanza must match every
 * criterion given.
 */
export interface StanzaSelector extends HandlerOptions {
  /** The namespace of the stanza or of any descendant. */
  ns?: string | null;
  /** The tag name, with or without the prefix. */
  name?: string | null;
  /** The `type`, or a list of types of which one must match. */
  type?: string | readonly string[] | null;
  /** The `id`. */
  id?: string | null;
  /** The `from`, in any spelling of the same JID. */
  from?: string | null;
}

/** The part of the connection's `Inbox` that a loop needs. */
interface Inbox {
  readonly handlers: HandlerList;
  readonly loops: Set<() => void>;
  add(handler: Handler): void;
}

/** An operation that can be aborted. */
export interface Abortable {
  /** When aborted, the promise is rejected with the signal's `reason`, as in `fetch`. */
  signal?: AbortSignal | null;
}

/** How long to wait for an answer. */
export interface Patience extends Abortable {
  /**
   * The time limit in milliseconds, including the wait for the session; 0 or absent waits until the
   * session ends.
   */
  timeout?: number;
}

/** The stanzas of a loop, in order. */
export interface Stanzas extends AsyncIterableIterator<Element, undefined> {
  /** Ends the loop, as `break` does. */
  return(): Promise<IteratorResult<Element, undefined>>;
}

/**
 * Collects stanzas until the loop is left, the session ends, or the signal is aborted. The stream
 * queues the stanzas that arrive while the loop body runs.
 */
export function listen(
  inbox: Inbox,
  { ns, name, type, id, from, ...options }: StanzaSelector,
  signal: AbortSignal | null | undefined,
): Stanzas {
  let stream!: ReadableStreamDefaultController<Element>;
  const hear = (stanza: Element): true => {
    stream.enqueue(stanza);
    return true;
  };
  const handler = new Handler(hear, ns, name, type, id, from, options);
  const leave = (): void => {
    signal?.removeEventListener('abort', abort);
    inbox.loops.delete(end);
    inbox.handlers.delete(handler);
  };
  const end = (): void => {
    leave();
    stream.close();
  };
  const abort = (): void => {
    leave();
    stream.error(reasonOf(signal));
  };
  const reader = new ReadableStream<Element>({
    start: (controller) => void (stream = controller),
    cancel: leave,
  }).getReader();
  if (signal?.aborted) abort();
  else {
    signal?.addEventListener('abort', abort);
    inbox.loops.add(end);
    inbox.add(handler);
  }
  return {
    next: () => reader.read() as Promise<IteratorResult<Element, undefined>>,
    async return() {
      await reader.cancel();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/** The reason of an aborted signal. Chromium before 98 and Safari before 15.4 have no `reason`. */
export function reasonOf(signal: AbortSignal | null | undefined): unknown {
  return signal?.reason ?? new DOMException('aborted', 'AbortError');
}
