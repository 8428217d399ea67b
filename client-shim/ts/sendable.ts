/** The stanzas and requests that apps hand in, and their outcomes. */
import { serialize, type Treelike } from './builder.ts';
import { toElement } from './element.ts';
import type { RefusedError, XmppError } from './errors.ts';
import type { Fate } from './fates.ts';

/** The outcome of a send. */
export type Receipt =
  | {
      /** The stanza was written to the socket. */
      status: 'written';
      /** What becomes of the stanza then. The promise is always fulfilled. */
      readonly acknowledged: Promise<Fate>;
    }
  | {
      /**
       * The stanza was not sent. If the worker died or the connection was left meanwhile, this is
       * not certain, and `text` says so.
       */
      status: 'failed';
      /** A word to compare: a rule, as in {@link RefusedError}; or `not-connected`, `worker-lost`, …. */
      condition: string;
      /** The reason in a sentence. */
      text: string;
      /** `failed`, for the same reason. */
      readonly acknowledged: Promise<Fate>;
    };

/** The receipt of a stanza that was written. `acknowledged` costs a post only where the app reads it. */
export class Written {
  readonly status = 'written';
  readonly #fate: () => Promise<Fate>;

  constructor(fate: () => Promise<Fate>) {
    this.#fate = fate;
  }

  get acknowledged(): Promise<Fate> {
    return this.#fate();
  }
}

/** The receipt of a stanza that was not sent. */
export class Unsent {
  readonly status = 'failed';
  readonly condition: string;
  readonly text: string;

  constructor(condition: string, text: string) {
    this.condition = condition;
    this.text = text;
  }

  get acknowledged(): Promise<Fate> {
    return Promise.resolve({ ...this });
  }
}

/**
 * A stanza to send: an element, anything with `.tree()`, or XML text. `null` and `undefined` are skipped.
 */
export type Sendable = Element | Treelike | string | null | undefined;

/** A pending IQ request. */
export interface Question {
  id: string;
  /** Is called with the result. */
  ok(stanza: Element): unknown;
  /** Is called if there is no result. */
  err(failure: XmppError): unknown;
  /** If aborted before the request is handed to the tab, the request is not sent. */
  signal?: AbortSignal | null | undefined;
}

/** The XML of a stanza. */
export function textOf(stanza: NonNullable<Sendable>): string {
  if (typeof stanza === 'string') return stanza;
  if (typeof stanza === 'object' && ('tree' in stanza || 'nodeType' in stanza)) return serialize(stanza);
  throw new TypeError(`only an element, something with .tree(), or XML can be sent, not ${String(stanza)}`);
}

/** The element of a stanza. */
export function elementOf(stanza: Element | Treelike | string): Element {
  if (typeof stanza === 'string') return toElement(stanza);
  return 'tree' in stanza ? stanza.tree() : stanza;
}
