/**
 * Stanzas written by hand: {@link Builder} step by step, {@link stx} as a template.
 *
 * A builder is a {@link Draft}, which needs no DOM, until the app calls `tree()`. From then on the
 * builder works on that element, so that changes by the app and by the builder are the same.
 */
import { NS } from './constants.ts';
import { type Attributes, Draft, setAttribute } from './draft.ts';
import { copyElement, toElement, xmlescape } from './element.ts';
import { serializeElement } from './serialize.ts';
import { appendHtml } from './xhtml.ts';

export type { Attributes, AttributeValue } from './draft.ts';

/** Anything that can become an element: builders, of this library or of others. */
export interface Treelike {
  /** Returns the element, the same at each call. */
  tree(): Element;
}

/**
 * A builder whose root element is `name`.
 *
 * @throws Error if a name is not a name in XML
 */
export function $build(name: string, attributes?: Attributes | null): Builder {
  return new Builder(name, attributes);
}

/** A builder of a `<message/>`, in `jabber:client` unless `attributes` has another `xmlns`. */
export function $msg(attributes?: Attributes | null): Builder {
  return new Builder('message', attributes);
}

/** A builder of an `<iq/>`, in `jabber:client` unless `attributes` has another `xmlns`. */
export function $iq(attributes?: Attributes | null): Builder {
  return new Builder('iq', attributes);
}

/** A builder of a `<presence/>`, in `jabber:client` unless `attributes` has another `xmlns`. */
export function $pres(attributes?: Attributes | null): Builder {
  return new Builder('presence', attributes);
}

/**
 * The XML of an element, or of anything with `.tree()`, attributes in the order of their names; `null` for
 * `null` and `undefined`. A {@link Builder} is serialized without a DOM.
 */
export function serialize(stanza: Element | Treelike): string;
export function serialize(stanza: Element | Treelike | null | undefined): string | null;
export function serialize(stanza: Element | Treelike | null | undefined): string | null {
  if (!stanza) return null;
  if (stanza instanceof Builder) return stanza.toString();
  return serializeElement('tree' in stanza ? stanza.tree() : stanza);
}

/**
 * Builds an element and its content. Each call works on the **current** element, at first the root,
 * and returns the builder:
 *
 * ```js
 * $iq({ type: 'get', id: '1' })
 *   .c('query', { xmlns: 'jabber:iq:roster' })
 *   .c('item', { jid: 'romeo@montague.lit' }).up()
 * ```
 *
 * Attribute values and texts may be numbers and booleans. A name that is not a name in XML throws.
 */
export class Builder implements Treelike {
  #root: Draft | Element | undefined;
  #current: Draft | Element | undefined;
  /** The XML that this builder was made from, if it was. */
  #text: string | undefined;

  /**
   * @param name the qualified name of the root; a `message`, `iq` or `presence` is in
   * `jabber:client` unless `attributes` has another `xmlns`
   * @param attributes the attributes of the root; those that are `null` or `undefined` are left out
   * @throws Error if a name is not a name in XML
   */
  constructor(name: string, attributes?: Attributes | null) {
    const isStanza = name === 'message' || name === 'iq' || name === 'presence';
    const given = isStanza && !attributes?.['xmlns'] ? { ...attributes, xmlns: NS.CLIENT } : attributes;
    if (name) this.#current = this.#root = new Draft(name, given);
  }

  /**
   * A builder of the element whose XML is `text`. Malformed XML throws at the first call that needs
   * the element.
   */
  static fromString(text: string): Builder {
    const builder = new Builder('');
    builder.#text = text;
    return builder;
  }

  /** The XML of an element, or of anything with `.tree()`; `null` for `null`. */
  static serialize(stanza: Element | Treelike | null): string | null {
    return serialize(stanza);
  }

  /**
   * The root element, the same at each call.
   *
   * @throws Error if there is no DOM
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

  /** The root element, like {@link tree}. */
  get nodeTree(): Element {
    return this.tree();
  }

  /** The current element. */
  get node(): Element {
    this.tree();
    return this.#current as Element;
  }

  /** Makes another element the current one. */
  set node(element: Element) {
    this.tree();
    this.#current = element;
  }

  /** The XML of the root element and its content, attributes in the order of their names. */
  toString(): string {
    const root = this.#root ?? this.source();
    return typeof root === 'string' ? root : root instanceof Draft ? root.toString() : serializeElement(root);
  }

  /** Makes the parent of the current element the current element; does nothing at the root. */
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
   * @throws Error if a name is not a name in XML
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
   * Appends a child element, which becomes the current element unless `text` is given.
   *
   * @param name the qualified name; without a prefix, the child is in the default namespace of its
   * parent
   * @param attributes the attributes of the child; or, as a string or number, its text
   * @param text the text of the child; with any text, even an empty one, the parent stays the
   * current element
   * @throws Error if a name is not a name in XML
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
   * Appends a copy of an element, or of the element of a builder. The copy becomes the current
   * element.
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

  /** Appends text, which is escaped. The current element stays the same. */
  t(text: string | number | boolean): this {
    const current = this.#position();
    if (current instanceof Draft) current.children.push(String(text));
    else current.append(String(text));
    return this;
  }

  /**
   * Appends HTML, reduced to XHTML-IM (XEP-0071): other elements are replaced by their content, and
   * links to scripts are removed. The current element stays the same.
   *
   * @throws Error if there is no DOM
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

  /** The XML that this builder was made from. */
  protected source(): string {
    if (this.#text === undefined) throw new Error('an element needs a name');
    return this.#text;
  }

  /** The element of that XML. */
  protected parsed(): Element {
    return toElement(this.source(), true);
  }

  #position(): Draft | Element {
    this.#root ??= this.parsed();
    return (this.#current ??= this.#root);
  }
}

/** Text that {@link stx} inserts as XML, unescaped; made by {@link Stanza.unsafeXML}. */
export class UnsafeXML {
  /** The XML. */
  readonly xml: string;

  /** @param xml is neither escaped nor checked */
  constructor(xml: string) {
    this.xml = xml;
  }

  /** The XML. */
  toString(): string {
    return this.xml;
  }
}

/** A value in a template of {@link stx}. */
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

/** The result of {@link stx}. Its XML is parsed only when a call needs the element. */
export class Stanza extends Builder {
  readonly #text: string;

  /** @param strings the literal parts of the template, one more than there are values */
  constructor(strings: readonly string[], values: readonly StanzaValue[]) {
    super('');
    this.#text = strings.reduce((text, string, i) => text + textOf(values[i - 1]) + string).trim();
  }

  /**
   * Marks text as XML for {@link stx}, which inserts XML unescaped: never pass text from outside.
   */
  static unsafeXML(xml: string): UnsafeXML {
    return new UnsafeXML(xml);
  }

  /**
   * The element of `text`, like `Strophe.toElement`, but without white space between elements.
   *
   * @param strict whether a `<message/>`, `<presence/>` or `<iq/>` must be in one of the stanza
   * namespaces (`jabber:client`, `jabber:server`, `jabber:component:accept`); default `false`
   * @throws Error if `text` is not well-formed, if a stanza is in another namespace, or if there is
   * no DOM
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
 * A stanza from a template. Strings, numbers and booleans are escaped; elements and builders are
 * inserted as XML, arrays item by item; `null` and `undefined` insert nothing.
 *
 * ```js
 * connection.send(stx`<message xmlns="jabber:client" to="${jid}"><body>${text}</body></message>`)
 * ```
 *
 * `tree()` drops white space between elements. It throws if the XML is not well-formed, or is a
 * stanza in none of the stanza namespaces.
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

// Removes the line breaks and indentation of a template. White space stays where it may be meant:
// in an element without child elements, and in `<body/>`.
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
