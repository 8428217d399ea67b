/** What an app can send and ask, and what it hears of it. */
import { serialize, type Treelike } from './builder.ts';
import { toElement } from './element.ts';
import type { RefusedError, XmppError } from './errors.ts';

/** What became of a stanza that was sent. */
export type Receipt =
  | {
      /** It was written to the socket. */
      status: 'written';
    }
  | {
      /** It was not sent; where the worker died or was left meanwhile, nobody knows, and `text` says so. */
      status: 'failed';
      /**
       * A word to compare: the rule, as in {@link RefusedError}, or `not-connected`, or `worker-lost` and the
       * like.
       */
      condition: string;
      /** The same in a sentence. */
      text: string;
    };

/** A stanza to send: an element, anything with `.tree()`, or XML. `null` is ignored. */
export type Sendable = Element | Treelike | string | null | undefined;

/** A request that waits for its answer. */
export interface Question {
  id: string;
  /** Hears the result. */
  ok(stanza: Element): unknown;
  /** Hears that there is none. */
  err(failure: XmppError): unknown;
  /** If this is aborted before the question is asked, it is not asked. */
  signal?: AbortSignal | null | undefined;
}

/** What there is to send, as XML. */
export function textOf(stanza: NonNullable<Sendable>): string {
  if (typeof stanza === 'string') return stanza;
  if (typeof stanza === 'object' && ('tree' in stanza || 'nodeType' in stanza)) return serialize(stanza);
  throw new TypeError(`only an element, something with .tree(), or XML can be sent, not ${String(stanza)}`);
}

/** What there is to send, as an element. */
export function elementOf(stanza: Element | Treelike | string): Element {
  if (typeof stanza === 'string') return toElement(stanza);
  return 'tree' in stanza ? stanza.tree() : stanza;
}
