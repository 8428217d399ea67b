/**
 * `Draft`: an element that a builder has collected but not yet made, so that stanzas can be written
 * without a DOM.
 */
import { XML, XMLNS, xmlGenerator } from './document.ts';
import { escapeAttribute, escapeText } from './escape.ts';

/** The value of an attribute; `null` and `undefined` leave the attribute out. */
export type AttributeValue = string | number | boolean | null | undefined;

/** Attributes by their qualified names; `xmlns` and `xml:lang` are allowed. */
export type Attributes = { readonly [name: string]: AttributeValue };

/** A qualified name, attributes in the order of assignment, and children. */
export class Draft {
  readonly name: string;
  readonly attributes = new Map<string, string>();
  readonly children: (Draft | string)[] = [];
  readonly parent: Draft | null;

  /** @throws Error if a name is not a name in XML */
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

  /** Appends and returns a new child. */
  append(name: string, attributes?: Attributes | null): Draft {
    const child = new Draft(name, attributes, this);
    this.children.push(child);
    return child;
  }

  /** Appends and returns a copy of `original` and its content. */
  adopt(original: Draft): Draft {
    const copy = original.#copy(this);
    // The copy is appended last: `original` may be an ancestor, which would otherwise copy its own copy.
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
    // As `serializeElement` orders them.
    for (const name of [...this.attributes.keys()].sort())
      tag += ` ${name}="${escapeAttribute(this.attributes.get(name)!)}"`;
    const content = this.children
      .map((child) => (typeof child === 'string' ? escapeText(child) : child.toString()))
      .join('');
    return content ? `${tag}>${content}</${this.name}>` : `${tag}/>`;
  }

  /**
   * Makes the element, and appends it to `parent` if given; a name without a prefix is in the
   * default namespace of its parent.
   *
   * @param made is called with each draft and the element made of it
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

/**
 * Sets an attribute by its qualified name, in the namespace that its prefix has in this element. The
 * attribute `xmlns` gets no namespace: the selector `[xmlns="…"]` names an attribute without one, and
 * finds built elements over Strophe. Serializers write the declaration once all the same.
 */
export function setAttribute(element: Element, name: string, value: string): void {
  const colon = name.indexOf(':');
  const prefix = colon < 0 ? name : name.slice(0, colon);
  if (prefix === 'xmlns' && colon > 0) element.setAttributeNS(XMLNS, name, value);
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
  const namespace =
    declared ?? (prefix === null ? fallbackIn(parent) : (parent?.lookupNamespaceURI(prefix) ?? null));
  // The prefix may be declared further out, as `stream:` often is; `createElementNS` requires a
  // namespace for a prefix.
  if (prefix !== null && !namespace) return xmlGenerator().createElement(name);
  return xmlGenerator().createElementNS(namespace || null, name);
}

/**
 * The default namespace within an element. Firefox's `lookupNamespaceURI` reads only an `xmlns` that
 * is in the namespace of declarations.
 */
function fallbackIn(element: Element | null): string | null {
  if (!element) return null;
  const declared = element.getAttribute('xmlns') ?? (element.prefix ? null : element.namespaceURI);
  return declared ?? fallbackIn(element.parentElement);
}

// A name is serialized unescaped, so a name that is not XML could inject markup.
function checked(name: string): string {
  if (!/^[^\s\d<>&"'=/.-][^\s<>&"'=/]*$/.test(name))
    throw new Error(`${JSON.stringify(name)} is no name in XML`);
  return name;
}
