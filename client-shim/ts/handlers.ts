/**
 * Who hears a stanza: handlers, the ordered list of them, and the handlers of time.
 *
 * The list keeps Strophe's rules. A handler stays for as long as it returns something truthy, so an async one
 * stays. One that throws is removed. One added while a stanza is handled hears the next; several added
 * between two stanzas are put behind the others in reverse order of their adding.
 */
import { NS } from './constants.ts';
import { getNamespace } from './element.ts';
import { getBareJidFromJid } from './jid.ts';
import { describe, error } from './log.ts';
import { preparedJid } from './prepared.ts';

/** How a handler compares. */
export interface HandlerOptions {
  /** Compare bare JIDs, on both sides; default `false`. */
  matchBareFromJid?: boolean;
  /** Cut what follows a `#` from the stanza's namespaces before comparing; default `false`. */
  ignoreNamespaceFragment?: boolean;
}

/** What a handler does with a stanza. Truthy: it wants the next one too. */
export type Callback = (stanza: Element) => unknown;

/**
 * One callback and the stanzas it is for. Every criterion that is given must match; empty ones count as not
 * given.
 */
export class Handler {
  /**
   * What is called with each stanza that matches, and says by something truthy that it wants the next one
   * too.
   */
  readonly handler: Callback;
  /** The namespace of the element or of anything within it. */
  readonly ns: string | null;
  /** The qualified name, to the letter; or that of a stanza without its prefix. */
  readonly name: string | null;
  /**
   * The attribute `type`, or several of which one must match; among several the empty one is for stanzas
   * without.
   */
  readonly type: string | readonly string[] | null;
  /** The attribute `id`. */
  readonly id: string | null;
  /**
   * The attribute `from`, in whatever spelling of the same JID; already the bare JID with `matchBareFromJid`.
   */
  readonly from: string | null;
  /** The same in the form in which it is compared. */
  readonly #sender: string | null;
  /** How it compares. */
  readonly options: HandlerOptions;
  /** Whether this is the app's, and so runs only once authenticated; default `true`. */
  user = true;
  /**
   * Whether it hears what comes; `false` while its claim is on the way to the worker, which brings what it
   * misses.
   */
  active = true;

  /**
   * A handler that is in no list yet: `addHandler` makes one and adds it.
   *
   * @param handler what is called
   * @param ns a namespace, of the stanza or of anything within it; `null` for any, as for all that follow
   * @param name the name of the stanza, with or without its prefix
   * @param type its `type`, or several of which one must match
   * @param id its `id`
   * @param from its `from`, cut to the bare JID with `matchBareFromJid`
   * @param options how it compares
   */
  constructor(
    handler: Callback,
    ns?: string | null,
    name?: string | null,
    type?: string | readonly string[] | null,
    id?: string | null,
    from?: string | null,
    options: HandlerOptions | null = {},
  ) {
    this.handler = handler;
    this.ns = wordOf(ns);
    this.name = wordOf(name);
    this.type = Array.isArray(type) ? type.map(String) : wordOf(type);
    this.id = wordOf(id);
    this.options = options ?? {};
    const sender = wordOf(from);
    this.from = this.options.matchBareFromJid ? getBareJidFromJid(sender) : sender;
    this.#sender = this.from && preparedJid(this.from);
  }

  /** Whether this stanza is one of those. The cheap criteria are looked at first, the descendants last. */
  isMatch(stanza: Element): boolean {
    if (
      this.name !== null &&
      this.name !== stanza.tagName &&
      !(this.name === stanza.localName && stanza.namespaceURI === NS.CLIENT)
    )
      return false;
    if (this.id !== null && this.id !== stanza.getAttribute('id')) return false;
    return this.#matchesType(stanza) && this.#matchesFrom(stanza) && this.namespaceMatch(stanza);
  }

  /** Whether the element, or anything within it, is in the handler's namespace. */
  namespaceMatch(stanza: Element): boolean {
    if (this.ns === null || this.#isIn(stanza)) return true;
    for (const element of stanza.getElementsByTagName('*')) if (this.#isIn(element)) return true;
    return false;
  }

  /** The namespace of an element, or another one, as this handler compares it. */
  getNamespace(element: Element, namespace: string | null = getNamespace(element)): string | null {
    return namespace !== null && this.options.ignoreNamespaceFragment
      ? (namespace.split('#', 1)[0] ?? null)
      : namespace;
  }

  /** Calls the callback; truthy when the handler is to stay. What the callback throws passes through. */
  run(stanza: Element): unknown {
    return this.handler(stanza);
  }

  // Of an element with a prefix, an attribute `xmlns` is about what is within.
  #isIn(element: Element): boolean {
    return (
      this.getNamespace(element) === this.ns || this.getNamespace(element, element.namespaceURI) === this.ns
    );
  }

  #matchesType(stanza: Element): boolean {
    if (this.type === null) return true;
    const type = stanza.getAttribute('type');
    return typeof this.type === 'string' ? this.type === type : this.type.includes(type ?? '');
  }

  #matchesFrom(stanza: Element): boolean {
    if (this.from === null) return true;
    const from = stanza.getAttribute('from');
    const sender = this.options.matchBareFromJid ? getBareJidFromJid(from) : from;
    return this.#sender === (sender && preparedJid(sender));
  }
}

/** A criterion as it is compared; nothing where it is not given. */
function wordOf(criterion: unknown): string | null {
  return criterion ? String(criterion) : null;
}

/**
 * What a handler asks for, as plain data: the claim that this tab makes on its behalf. Criteria not given are
 * absent.
 */
export interface Selector {
  ns?: string;
  name?: string;
  /** The types of which one must match, the empty one for none at all; nothing can when the list is empty. */
  types?: string[];
  id?: string;
  from?: string;
  /** `from` is a bare JID, to be compared with the bare JID of the sender. */
  bare?: true;
  /** Namespaces are compared without what follows a `#`. */
  ignoreFragment?: true;
}

/** The selector of a handler. */
export function selectorOf({ ns, name, type, id, from, options }: Handler): Selector {
  const selector: Selector = {};
  if (ns !== null) selector.ns = ns;
  if (name !== null) selector.name = name;
  if (type !== null) selector.types = typeof type === 'string' ? [type] : [...type];
  if (id !== null) selector.id = id;
  if (from !== null) selector.from = from;
  if (from !== null && options.matchBareFromJid) selector.bare = true;
  if (ns !== null && options.ignoreNamespaceFragment) selector.ignoreFragment = true;
  return selector;
}

/** The handlers of one connection, in the order in which they hear a stanza. */
export class HandlerList {
  #active: Handler[] = [];
  #added: Handler[] = [];
  readonly #removed: (handler: Handler) => void;

  /** @param removed hears of every handler that leaves the list */
  constructor(removed: (handler: Handler) => void = () => {}) {
    this.#removed = removed;
  }

  /** Adds a handler: it hears the next stanza, not the one being handled. */
  add(handler: Handler): Handler {
    this.#added.push(handler);
    return handler;
  }

  /**
   * Removes a handler at once, also from under the stanza being handled. One that is not in the list is no
   * error.
   */
  delete(handler: Handler): void {
    this.#active = this.#active.filter((other) => other !== handler);
    this.#added = this.#added.filter((other) => other !== handler);
    this.#removed(handler);
  }

  /** Removes all of them, as at the start of each session. */
  clear(): void {
    this.#active = [];
    this.#added = [];
  }

  /** Every handler, those that have yet to hear a stanza last. */
  *[Symbol.iterator](): Iterator<Handler> {
    yield* this.#active;
    yield* this.#added;
  }

  /** Shows a stanza to this handler alone, if it is still in the list and the stanza matches. */
  dispatchTo(handler: Handler, stanza: Element): void {
    if (!this.#active.includes(handler) && !this.#added.includes(handler)) return;
    try {
      if (handler.isMatch(stanza) && !handler.run(stanza)) this.delete(handler);
    } catch (thrown) {
      this.delete(handler);
      error(`a handler is removed because it threw: ${describe(thrown)}`);
    }
  }

  /**
   * Whether a stanza that reads like this has to become an element: a handler may match it, or it is a
   * request that somebody has to answer.
   */
  concerns(text: string): boolean {
    const mayMatch = ({ name }: Handler): boolean => name === null || text.startsWith(name, 1);
    return (
      !/^<(message|presence)[ />]/.test(text) || this.#active.some(mayMatch) || this.#added.some(mayMatch)
    );
  }

  /**
   * Shows a stanza to every handler that matches it. What one throws is logged, and keeps the stanza from
   * nobody else.
   *
   * @param authenticated whether the app's handlers may run
   * @returns whether some handler matched and did not throw
   */
  dispatch(stanza: Element, authenticated = true): boolean {
    if (this.#added.length > 0) {
      this.#active = this.#active.concat(this.#added.reverse());
      this.#added = [];
    }
    // Whatever removes a handler makes a new list, which is asked before each further run.
    const before = this.#active;
    let handled = false;
    for (const handler of before) {
      if (this.#active !== before && !this.#active.includes(handler)) continue;
      if (!handler.active || (!authenticated && handler.user)) continue;
      try {
        if (!handler.isMatch(stanza)) continue;
        if (!handler.run(stanza)) this.#remove(handler);
        handled = true;
      } catch (thrown) {
        this.#remove(handler);
        error(`a handler is removed because it threw: ${describe(thrown)}`);
      }
    }
    return handled;
  }

  // Not from among the added: a handler may return nothing and yet have added itself anew.
  #remove(handler: Handler): void {
    this.#active = this.#active.filter((other) => other !== handler);
    if (!this.#added.includes(handler)) this.#removed(handler);
  }
}
