/** Elements of stanzas: made from text or by hand, copied, looked into. */
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
 * @param attributes an object, pairs, or, as in a short form, the text instead
 * @param text what it contains; default nothing
 * @throws Error when a name is none, or where there is no DOM
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

/** A copy of an element or text node with all that is in it, without a parent. */
export function copyElement<T extends Node>(node: T): T {
  return xmlGenerator().importNode(node, true);
}

/**
 * The namespace of an element: what its `xmlns` attribute says, else what it was made with; `null` for none.
 */
export function getNamespace(element: Element): string | null {
  return element.getAttribute('xmlns') || element.namespaceURI;
}

/** Whether the element's qualified name is `name`, to the letter. */
export function isTagEqual(element: Element, name: string): boolean {
  return element.tagName === name;
}

/** Calls `visit` with each child element, or with those of that qualified name. */
export function forEachChild(
  element: Element,
  name: string | null | undefined,
  visit: (child: Element) => void,
): void {
  // A copy, because `visit` may move or remove what it is shown.
  for (const child of [...element.children]) {
    if (!name || isTagEqual(child, name)) visit(child);
  }
}

/**
 * The text right within an element, or of a text node, **escaped** as by {@link xmlescape}; `null` for no
 * element. Use `textContent` for the text itself.
 */
export function getText(node: Node | null | undefined): string | null {
  if (!node) return null;
  const texts = node.nodeType === Node.TEXT_NODE ? [node] : [...node.childNodes].filter(isText);
  return xmlescape(texts.map((text) => text.nodeValue).join(''));
}

function isText({ nodeType }: Node): boolean {
  return nodeType === Node.TEXT_NODE || nodeType === Node.CDATA_SECTION_NODE;
}
