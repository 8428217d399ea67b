/** Elements of stanzas: made from text or values, copied, inspected. */
import { xmlGenerator } from './document.ts';
import { type Attributes, Draft } from './draft.ts';
import { xmlescape } from './escape.ts';

export { xmlGenerator } from './document.ts';
export { xmlescape, xmlunescape } from './escape.ts';
export { parseStanza, toElement, xmlHtmlNode } from './parse.ts';

/**
 * A new element without a parent.
 *
 * @param name the qualified name
 * @param attributes an object or an array of pairs; or, as a string or number, the text of the element
 * @param text the text of the element; default none
 * @throws Error if a name is not a name in XML, or if there is no DOM
 */
export function xmlElement(
  name: string,
  attributes?: Attributes | readonly (readonly [string, string])[] | string | number | null,
  text?: string | number | null,
): Element {
  const short = typeof attributes === 'string' || typeof attributes === 'number';
  const pairs = isPairs(attributes)
    ? Object.fromEntries(attributes)
    : short
      ? null
      : (attributes as Attributes);
  const element = new Draft(name, pairs).toElement(null);
  const content = short ? attributes : text;
  if (content !== undefined && content !== null) element.append(String(content));
  return element;
}

function isPairs(attributes: unknown): attributes is readonly (readonly [string, string])[] {
  return Array.isArray(attributes);
}

/** A new text node without a parent. */
export function xmlTextNode(text: string): Text {
  return xmlGenerator().createTextNode(text);
}

/** A deep copy of an element or text node, without a parent. */
export function copyElement<T extends Node>(node: T): T {
  return xmlGenerator().importNode(node, true);
}

/**
 * The namespace of an element: the value of its attribute `xmlns`, else its `namespaceURI`; `null`
 * if none.
 */
export function getNamespace(element: Element): string | null {
  return element.getAttribute('xmlns') || element.namespaceURI;
}

/** Whether the element's qualified name is exactly `name`. */
export function isTagEqual(element: Element, name: string): boolean {
  return element.tagName === name;
}

/** Calls `visit` with each child element, or only with those of the qualified name `name`. */
export function forEachChild(
  element: Element,
  name: string | null | undefined,
  visit: (child: Element) => void,
): void {
  // A copy of the list, because `visit` may move or remove the child.
  for (const child of [...element.children]) {
    if (!name || isTagEqual(child, name)) visit(child);
  }
}

/**
 * The text of a text node, or of the text nodes directly in an element, **escaped** as by
 * {@link xmlescape}; `null` if there is no node. For unescaped text use `textContent`.
 */
export function getText(node: Node | null | undefined): string | null {
  if (!node) return null;
  const texts = node.nodeType === Node.TEXT_NODE ? [node] : [...node.childNodes].filter(isText);
  return xmlescape(texts.map((text) => text.nodeValue).join(''));
}

function isText({ nodeType }: Node): boolean {
  return nodeType === Node.TEXT_NODE || nodeType === Node.CDATA_SECTION_NODE;
}
