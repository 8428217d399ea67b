/**
 * Handlers, the ordered list of a connection's handlers, and the selectors that its claims are made
 * of.
 *
 * The list keeps Strophe's rules. A handler stays for as long as its callback returns a truthy
 * value; a promise is truthy, so an async handler stays. A handler that throws is removed. A
 * handler added while a stanza is handled gets the next stanza; several handlers added between two
 * stanzas are appended in reverse order.
 */
import { NS } from './constants.ts';
import { getNamespace } from './element.ts';
import { getBareJidFromJid } from '../../port/ts/jid.ts';
import { describe, error } from './log.ts';
import { preparedJid } from './prepared.ts';

/** How a {@link Handler} compares stanzas. */
export interface HandlerOptions {
  /** Whether `from` is compared as a bare JID, on both sides; default `false`. */
  matchBareFromJid?: boolean;
  /**
   * Whether a `#` and the text after it are cut from the stanza's namespaces before comparing;
   * default `false`.
   */
  ignoreNamespaceFragment?: boolean;
}

/** The callback of a handler. A truthy return value keeps the handler for the next stanza. */
export type Callback = (stanza: Element) => unknown;

/**
 * A callback with the criteria that select its stanzas. A stanza must match every criterion given;
 * `null`, `undefined` and `''` count as not given.
 */
export class Handler {
  /** The callback. */
  readonly handler: Callback;
  /** The namespace of the stanza or of any descendant. */
  readonly ns: string | null;
  /**
   * The tag name: compared with the stanza's qualified name and, in `jabber:client`, with its local
   * name.
   */
  readonly name: string | null;
  /**
   * The attribute `type`, or a list of which one must match; `''` in a list matches a stanza
   * without `type`.
   */
  readonly type: string | readonly string[] | null;
  /** The attribute `id`. */
  readonly id: string | null;
  /**
   * The attribute `from`, in any spelling of the same JID; with `matchBareFromJid`, cut to the bare
   * JID.
   */
  readonly from: string | null;
  /** `from` after preparation (RFC 7622). */
  readonly #sender: string | null;
  /** How stanzas are compared. */
  readonly options: HandlerOptions;
  /**
   * Whether this is a handler of the app, which runs only while the session is up; default `true`.
   */
  user = true;
  /**
   * Whether the handler gets the stanzas that all handlers get. `false` while its claim is on the
   * way to the worker: the stanzas that it misses then come separately.
   */
  active = true;

  /**
   * Makes a handler; `addHandler` also adds it to the list.
   *
   * @param handler the callback
   * @param ns the namespace of the stanza or of any descendant; this and the following criteria
   * match any stanza if `null`
   * @param name the tag name, with or without the prefix
   * @param type the `type`, or a list of types of which one must match
   * @param id the `id`
   * @param from the `from`; cut to the bare JID with `matchBareFromJid`
   * @param options how stanzas are compared
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

  /**
   * Whether the stanza matches every criterion. Cheap criteria come first, the namespaces of
   * descendants last.
   */
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

  /** Whether the stanza or any descendant is in the handler's namespace. */
  namespaceMatch(stanza: Element): boolean {
    if (this.ns === null || this.#isIn(stanza)) return true;
    for (const element of stanza.getElementsByTagName('*')) if (this.#isIn(element)) return true;
    return false;
  }

  /**
   * The element's namespace, or the one given, as this handler compares it: with
   * `ignoreNamespaceFragment`, without the fragment.
   */
  getNamespace(element: Element, namespace: string | null = getNamespace(element)): string | null {
    return namespace !== null && this.options.ignoreNamespaceFragment
      ? (namespace.split('#', 1)[0] ?? null)
      : namespace;
  }

  /** Calls the callback with the stanza and returns the callback's value; exceptions propagate. */
  run(stanza: Element): unknown {
    return this.handler(stanza);
  }

  // On an element with a prefix, the attribute `xmlns` is the namespace of its content, so both are
  // compared.
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

/** A criterion as a string; `null` if not given. */
function wordOf(criterion: unknown): string | null {
  return criterion ? String(criterion) : null;
}

/**
 * The criteria of a handler as plain data, for the claim that this tab makes for that handler.
 * Criteria not given are absent.
 */
export interface Selector {
  ns?: string;
  name?: string;
  /**
   * The types, of which one must match; `''` matches a stanza without `type`, an empty list no
   * stanza.
   */
  types?: string[];
  id?: string;
  from?: string;
  /** Whether `from` is a bare JID, which is compared with the bare JID of the sender. */
  bare?: true;
  /** Whether namespaces are compared without a `#` and the text after it. */
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

/** The handlers of one connection, in the order in which they are called. */
export class HandlerList {
  #active: Handler[] = [];
  #added: Handler[] = [];
  readonly #removed: (handler: Handler) => void;

  /** @param removed is called with each handler that leaves the list, except by `clear` */
  constructor(removed: (handler: Handler) => void = () => {}) {
    this.#removed = removed;
  }

  /** Adds a handler, which is first called for the next stanza. */
  add(handler: Handler): Handler {
    this.#added.push(handler);
    return handler;
  }

  /**
   * Removes a handler at once, even while a stanza is being handled; does nothing if the handler is
   * not in the list.
   */
  delete(handler: Handler): void {
    this.#active = this.#active.filter((other) => other !== handler);
    this.#added = this.#added.filter((other) => other !== handler);
    this.#removed(handler);
  }

  /** Removes every handler, as at the end of each session. */
  clear(): void {
    this.#active = [];
    this.#added = [];
  }

  /** Iterates over every handler; those not yet called come last. */
  *[Symbol.iterator](): Iterator<Handler> {
    yield* this.#active;
    yield* this.#added;
  }

  /** Shows a stanza to this handler alone, if the handler is in the list and the stanza matches. */
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
   * Whether this stanza has to become an element: a handler may match it, or it may be an IQ
   * request, which has to be answered.
   */
  concerns(text: string): boolean {
    const mayMatch = ({ name }: Handler): boolean => name === null || text.startsWith(name, 1);
    return (
      !/^<(message|presence)[ />]/.test(text) || this.#active.some(mayMatch) || this.#added.some(mayMatch)
    );
  }

  /**
   * Shows a stanza to every handler that matches it. If a handler throws, the exception is logged
   * and the other handlers get the stanza all the same.
   *
   * @param authenticated whether the app's handlers run
   * @returns whether a handler matched and did not throw
   */
  dispatch(stanza: Element, authenticated = true): boolean {
    if (this.#added.length > 0) {
      this.#active = this.#active.concat(this.#added.reverse());
      this.#added = [];
    }
    // Removing a handler makes a new list. If there is one, each further handler is looked up in
    // it.
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

  // The handler stays among `#added`: its callback may have added it again before returning
  // nothing.
  #remove(handler: Handler): void {
    this.#active = this.#active.filter((other) => other !== handler);
    if (!this.#added.includes(handler)) this.#removed(handler);
  }
}
