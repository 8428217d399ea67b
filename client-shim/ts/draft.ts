/**
 * An element before there is one: what a builder collects, so that stanzas are written where there is no DOM.
 */
import { XML, XMLNS, xmlGenerator } from './document.ts';
import { escapeAttribute, escapeText } from './escape.ts';

/** What may stand as the value of an attribute; `null` and `undefined` mean that there is none. */
export type AttributeValue = string | number | boolean | null | undefined;

/** Attributes by their qualified names, `xmlns` and `xml:lang` among them. */
export type Attributes = { readonly [name: string]: AttributeValue };

/** A name, attributes in the order of their setting, and children. */
export class Draft {
  readonly name: string;
  readonly attributes = new Map<string, string>();
  readonly children: (Draft | string)[] = [];
  readonly parent: Draft | null;

  /** @throws Error when a name is none */
  constructor(name: string, attributes?: Attributes | null, parent: Draft | null = null) {
    this.name = checked(name);
    this.parent = parent;
    this.assign(attributes);
  }

  /** Sets attributes, and removes those whose value is `null` or `undefined`. */
  assign(attributes: Attributes | null | undefined): void {
    for (const [name, value] of Object.entries(attributes ?? {})) {
      if (value === null || value === undefined) this.attributes.delete(name);
      else this.attributes.set(checked(name), String(value));
    }
  }

  /** Appends a new child and answers with it. */
  append(name: string, attributes?: Attributes | null): Draft {
    const child = new Draft(name, attributes, this);
    this.children.push(child);
    return child;
  }

  /** Appends a copy of `original` with all that is in it. */
  adopt(original: Draft): Draft {
    const copy = original.#copy(this);
    // Only now: `original` may be an ancestor, and must not be seen to grow while it is copied.
    this.children.push(copy);
    return copy;
  }

  #copy(parent: Draft): Draft {
    const copy = new Draft(this.name, Object.fromEntries(this.attributes), parent);
    copy.children.push(
      ...this.children.map((child) => (typeof child === 'string' ? child : child.#copy(copy))),
    );
    return copy;
  }

  toString(): string {
    let tag = '<' + this.name;
    for (const [name, value] of this.attributes) tag += ` ${name}="${escapeAttribute(value)}"`;
    const content = this.children
      .map((child) => (typeof child === 'string' ? escapeText(child) : child.toString()))
      .join('');
    return content ? `${tag}>${content}</${this.name}>` : `${tag}/>`;
  }

  /**
   * Makes the element, as the last child of `parent` where one is given: a name without a prefix is in the
   * default namespace of its place.
   *
   * @param made hears of each element and the draft it was made of
   */
  toElement(parent: Element | null, made?: (draft: Draft, element: Element) => void): Element {
    const element = createIn(parent, this.name, this.attributes);
    parent?.append(element);
    for (const [name, value] of this.attributes) setAttribute(element, name, value);
    for (const child of this.children) {
      if (typeof child === 'string') element.append(child);
      else child.toElement(element, made);
    }
    made?.(this, element);
    return element;
  }
}

/** Sets an attribute by its qualified name, in the namespace which that name has at its place. */
export function setAttribute(element: Element, name: string, value: string): void {
  const colon = name.indexOf(':');
  const prefix = colon < 0 ? name : name.slice(0, colon);
  if (prefix === 'xmlns') element.setAttributeNS(XMLNS, name, value);
  else if (prefix === 'xml' && colon > 0) element.setAttributeNS(XML, name, value);
  else {
    const namespace =
      colon < 0 ? null : (element.getAttribute(`xmlns:${prefix}`) ?? element.lookupNamespaceURI(prefix));
    if (namespace === null) element.setAttribute(name, value);
    else element.setAttributeNS(namespace, name, value);
  }
}

function createIn(parent: Element | null, name: string, attributes: ReadonlyMap<string, string>): Element {
  const colon = name.indexOf(':');
  const prefix = colon < 0 ? null : name.slice(0, colon);
  const declared = attributes.get(prefix === null ? 'xmlns' : `xmlns:${prefix}`);
  const namespace = declared ?? parent?.lookupNamespaceURI(prefix) ?? null;
  // A prefix that is declared further out, as `stream:` often is, has no namespace here, and DOM allows none
  // without.
  if (prefix !== null && !namespace) return xmlGenerator().createElement(name);
  return xmlGenerator().createElementNS(namespace || null, name);
}

// Names are written as they are: what XML could not read back must not get in.
function checked(name: string): string {
  if (!/^[^\s\d<>&"'=/.-][^\s<>&"'=/]*$/.test(name))
    throw new Error(`${JSON.stringify(name)} is no name in XML`);
  return name;
}
