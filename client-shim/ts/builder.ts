/**
 * Stanzas by hand: {@link Builder} step by step, {@link stx} as a template.
 *
 * Until `tree()` is asked for, a builder is a {@link Draft} and needs no DOM. From then on it works on the
 * element itself, so that what the app does to the element and what it does through the builder are one
 * thing.
 */
import { NS } from './constants.ts';
import { type Attributes, Draft, setAttribute } from './draft.ts';
import { copyElement, toElement, xmlescape } from './element.ts';
import { serializeElement } from './serialize.ts';
import { appendHtml } from './xhtml.ts';

export type { Attributes, AttributeValue } from './draft.ts';

/** Whatever can become an element: builders, of this library and of others. */
export interface Treelike {
  /** The element; the same one at each call. */
  tree(): Element;
}

/**
 * A builder whose root is `name`.
 *
 * @throws Error when a name is none in XML
 */
export function $build(name: string, attributes?: Attributes | null): Builder {
  return new Builder(name, attributes);
}

/** A builder of a `<message/>`, in `jabber:client` unless `attributes` say otherwise. */
export function $msg(attributes?: Attributes | null): Builder {
  return new Builder('message', attributes);
}

/** A builder of an `<iq/>`, in `jabber:client` unless `attributes` say otherwise. */
export function $iq(attributes?: Attributes | null): Builder {
  return new Builder('iq', attributes);
}

/** A builder of a `<presence/>`, in `jabber:client` unless `attributes` say otherwise. */
export function $pres(attributes?: Attributes | null): Builder {
  return new Builder('presence', attributes);
}

/**
 * The text of an element or of anything with `.tree()`; of nothing, `null`. Builders of ours need no DOM for
 * it.
 */
export function serialize(stanza: Element | Treelike): string;
export function serialize(stanza: Element | Treelike | null | undefined): string | null;
export function serialize(stanza: Element | Treelike | null | undefined): string | null {
  if (!stanza) return null;
  if (stanza instanceof Builder) return stanza.toString();
  return serializeElement('tree' in stanza ? stanza.tree() : stanza);
}

/**
 * Builds one element and what is in it. Each call works on the **current** element, at first the root, and
 * answers with the builder:
 *
 * ```js
 * $iq({ type: 'get', id: '1' }).c('query', { xmlns: 'jabber:iq:roster' }).c('item', { jid: 'romeo@montague.lit' }).up()
 * ```
 *
 * Values of attributes and texts may be numbers and booleans. Names that are none in XML throw.
 */
export class Builder implements Treelike {
  #root: Draft | Element | undefined;
  #current: Draft | Element | undefined;
  /** What it was made of, where that is text. */
  #text: string | undefined;

  /**
   * @param name the qualified name of the root; a `message`, `iq` or `presence` is in `jabber:client` unless
   * `attributes` say otherwise
   * @param attributes its attributes; those that are `null` or `undefined` are left out
   * @throws Error when a name is none in XML
   */
  constructor(name: string, attributes?: Attributes | null) {
    const isStanza = name === 'message' || name === 'iq' || name === 'presence';
    const given = isStanza && !attributes?.['xmlns'] ? { ...attributes, xmlns: NS.CLIENT } : attributes;
    if (name) this.#current = this.#root = new Draft(name, given);
  }

  /**
   * A builder of the element that `text` is. Malformed text throws at the first call that needs to look into
   * it.
   */
  static fromString(text: string): Builder {
    const builder = new Builder('');
    builder.#text = text;
    return builder;
  }

  /** The text of an element or of anything with `.tree()`; of nothing, `null`. */
  static serialize(stanza: Element | Treelike | null): string | null {
    return serialize(stanza);
  }

  /**
   * The root's element, the same one at each call.
   *
   * @throws Error where there is no DOM
   */
  tree(): Element {
    this.#position();
    if (this.#root instanceof Draft) {
      const current = this.#current;
      this.#root = this.#root.toElement(null, (draft, element) => {
        if (draft === current) this.#current = element;
      });
    }
    return this.#root as Element;
  }

  /** The root's element: {@link tree}. */
  get nodeTree(): Element {
    return this.tree();
  }

  /** The current element. */
  get node(): Element {
    this.tree();
    return this.#current as Element;
  }

  /** The text of the root and all that is in it. */
  toString(): string {
    const root = this.#root ?? this.source();
    return typeof root === 'string' ? root : root instanceof Draft ? root.toString() : serializeElement(root);
  }

  /** Makes the parent of the current element the current one; at the root, nothing. */
  up(): this {
    const current = this.#position();
    if (current !== this.#root)
      this.#current = (current instanceof Draft ? current.parent : current.parentElement) ?? this.#root;
    return this;
  }

  /** Makes the root the current element. */
  root(): this {
    this.#position();
    this.#current = this.#root;
    return this;
  }

  /**
   * Sets attributes of the current element; those that are `null` or `undefined` are removed.
   *
   * @throws Error when a name is none in XML
   */
  attrs(attributes: Attributes | null | undefined): this {
    const current = this.#position();
    if (current instanceof Draft) {
      current.assign(attributes ?? {});
      return this;
    }
    for (const [name, value] of Object.entries(attributes ?? {})) {
      if (value === null || value === undefined) current.removeAttribute(name);
      else setAttribute(current, name, String(value));
    }
    return this;
  }

  /**
   * Adds a child. It becomes the current element, unless `text` is given.
   *
   * @param name its qualified name; without a prefix it is in the default namespace of its place
   * @param attributes its attributes; a string or a number here is its text, and the child becomes the
   * current element
   * @param text what it contains; also an empty string keeps the parent the current element
   * @throws Error when a name is none in XML
   */
  c(
    name: string,
    attributes?: Attributes | string | number | null,
    text?: string | number | boolean | null,
  ): this {
    const parent = this.#position();
    const short = typeof attributes === 'string' || typeof attributes === 'number';
    const draft =
      parent instanceof Draft
        ? parent.append(name, short ? null : attributes)
        : new Draft(name, short ? null : attributes);
    const content = short ? attributes : (text ?? '');
    if (content !== '') draft.children.push(String(content));
    const child = parent instanceof Draft ? draft : draft.toElement(parent);
    if (text === undefined || text === null) this.#current = child;
    return this;
  }

  /**
   * Adds a copy of an element, or of what a builder has built, as a child. It becomes the current element.
   */
  cnode(stanza: Element | Treelike): this {
    const current = this.#position();
    const draft = stanza instanceof Builder && (stanza.#position(), stanza.#root);
    if (current instanceof Draft && draft instanceof Draft) {
      this.#current = current.adopt(draft);
    } else {
      const child = copyElement('tree' in stanza ? stanza.tree() : stanza);
      this.node.append(child);
      this.#current = child;
    }
    return this;
  }

  /** Adds text, which is escaped. The current element stays the current one. */
  t(text: string | number | boolean): this {
    const current = this.#position();
    if (current instanceof Draft) current.children.push(String(text));
    else current.append(String(text));
    return this;
  }

  /**
   * Adds what of some HTML is allowed in XHTML-IM (XEP-0071): of other elements only the content, and no
   * scripts in links. The current element stays the current one.
   *
   * @throws Error where there is no DOM
   */
  h(html: string): this {
    const current = this.#position();
    const body = current instanceof Draft ? current : new Draft('body');
    appendHtml(body, html);
    if (!(current instanceof Draft)) {
      for (const child of body.children) {
        if (typeof child === 'string') current.append(child);
        else child.toElement(current);
      }
    }
    return this;
  }

  /** The text that this was made of, where it was made of text. */
  protected source(): string {
    if (this.#text === undefined) throw new Error('an element needs a name');
    return this.#text;
  }

  /** The element that the text is. */
  protected parsed(): Element {
    return toElement(this.source(), true);
  }

  #position(): Draft | Element {
    this.#root ??= this.parsed();
    return (this.#current ??= this.#root);
  }
}

/** Text that {@link stx} takes as XML, not as text: {@link Stanza.unsafeXML} makes it. */
export class UnsafeXML {
  /** The text. */
  readonly xml: string;

  /** @param xml is not escaped, and not checked */
  constructor(xml: string) {
    this.xml = xml;
  }

  /** The text. */
  toString(): string {
    return this.xml;
  }
}

/** What may stand in a template of {@link stx}. */
export type StanzaValue =
  | string
  | number
  | boolean
  | null
  | undefined
  | Element
  | Treelike
  | UnsafeXML
  | readonly StanzaValue[];

/** What {@link stx} makes. Its text is parsed only if something needs to look into it. */
export class Stanza extends Builder {
  readonly #text: string;

  /** @param strings what stands around the values, one more than there are values */
  constructor(strings: readonly string[], values: readonly StanzaValue[]) {
    super('');
    this.#text = strings.reduce((text, string, i) => text + textOf(values[i - 1]) + string).trim();
  }

  /** Marks text as XML for {@link stx}. Never for text from outside: it is not escaped. */
  static unsafeXML(xml: string): UnsafeXML {
    return new UnsafeXML(xml);
  }

  /**
   * The element of text, as `Strophe.toElement` makes it, without the white space between elements.
   *
   * @param strict whether a `<message/>`, `<presence/>` or `<iq/>` must be in a namespace of stanzas; default
   * `false`
   * @throws Error when the text is not well-formed, when a stanza is in the wrong namespace, or where there
   * is no DOM
   */
  static toElement(text: string, strict?: boolean): Element {
    return stripped(toElement(text, strict));
  }

  protected override source(): string {
    return this.#text;
  }

  protected override parsed(): Element {
    return stripped(super.parsed());
  }
}

/**
 * A stanza as a template: strings and numbers are escaped, elements and builders are written as XML, arrays
 * one by one, `null` and `undefined` as nothing.
 *
 * ```js
 * connection.send(stx`<message xmlns="jabber:client" to="${jid}"><body>${text}</body></message>`)
 * ```
 *
 * `tree()` throws when the whole is not well-formed, or is a stanza outside of `jabber:client`; white space
 * between elements is not taken into the tree.
 */
export function stx(strings: TemplateStringsArray, ...values: StanzaValue[]): Stanza {
  return new Stanza(strings, values);
}

function textOf(value: StanzaValue): string {
  if (value === null || value === undefined) return '';
  if (isList(value)) return value.map(textOf).join('');
  if (value instanceof UnsafeXML) return value.xml;
  return typeof value === 'object' ? serialize(value) : xmlescape(String(value));
}

function isList(value: StanzaValue): value is readonly StanzaValue[] {
  return Array.isArray(value);
}

// Without the line breaks and indentation of a template. An element that holds nothing else keeps it: it may
// be meant; and so does text for people.
function stripped(element: Element): Element {
  const children = [...element.children];
  if (children.length > 0) {
    for (const node of [...element.childNodes]) {
      if (node.nodeType === Node.TEXT_NODE && !node.nodeValue?.trim()) element.removeChild(node);
    }
  }
  for (const child of children) if (child.localName !== 'body') stripped(child);
  return element;
}
