/** Stanzas as an async iterator. */
import { Handler, type HandlerList, type HandlerOptions } from './handlers.ts';

/**
 * Which stanzas a loop is for: the criteria of `addHandler` by their names. All that are given must match.
 */
export interface StanzaSelector extends HandlerOptions {
  /** The namespace of the stanza or of anything within it. */
  ns?: string | null;
  /** The tag name, with or without its prefix. */
  name?: string | null;
  /** The `type`, or several of which one must match. */
  type?: string | readonly string[] | null;
  /** The `id`. */
  id?: string | null;
  /** The `from`, in whatever spelling of the same JID. */
  from?: string | null;
}

/** Where handlers are. */
interface Inbox {
  readonly handlers: HandlerList;
  readonly loops: Set<() => void>;
  add(handler: Handler): void;
}

/** What ends a wait. */
export interface Abortable {
  /** Ends the wait: the promise is rejected with the signal's `reason`, as one of `fetch` is. */
  signal?: AbortSignal | null;
}

/** How long to wait for an answer. */
export interface Patience extends Abortable {
  /**
   * In milliseconds, the wait for the session included; without it or with 0, for as long as the session
   * lasts.
   */
  timeout?: number;
}

/** Stanzas, one after the other. */
export interface Stanzas extends AsyncIterableIterator<Element, undefined> {
  /** Listens no more, as `break` has it. */
  return(): Promise<IteratorResult<Element, undefined>>;
}

/**
 * Listens until the loop is left, the session ends, or the signal is aborted. A stream keeps what comes
 * between two turns.
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

/** Why a signal was aborted. Chromium before 98 and Safari before 15.4 do not keep it. */
export function reasonOf(signal: AbortSignal | null | undefined): unknown {
  return signal?.reason ?? new DOMException('aborted', 'AbortError');
}
