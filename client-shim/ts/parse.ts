/**
 * From text to elements: {@link parseStanza} for what the worker has verified, which is every inbound stanza,
 * and {@link toElement} for text from anywhere else.
 */
import { NS } from './constants.ts';
import { xmlGenerator } from './document.ts';
import { remember, reshaped } from './shape.ts';
import { tokenise } from './tokeniser.ts';

/**
 * The element of one stanza. It is its own root: it has no parent, and nothing else hangs on it.
 *
 * @param text one element that the worker has verified, perhaps after an XML declaration
 * @throws Error where there is no DOM, or when the text is not well-formed after all
 */
export function parseStanza(text: string): Element {
  try {
    return reshaped(text) ?? remember(text, tokenise(text));
  } catch {
    // A name that DOM's own methods refuse, or text that nobody verified: the parser has the last word.
    return xmlGenerator().adoptNode(toElement(text));
  }
}

/**
 * The element of text from anywhere, checked by the browser's parser.
 *
 * @param text one XML document
 * @param strict whether a `<message/>`, `<presence/>` or `<iq/>` must be in a namespace of stanzas; default
 * `false`
 * @throws Error when the text is not well-formed, when a stanza is in the wrong namespace, or where there is
 * no DOM
 */
export function toElement(text: string, strict = false): Element {
  const root = xmlHtmlNode(text).documentElement as Element | null;
  const failure =
    root &&
    (root.localName === 'parsererror'
      ? root
      : [...root.getElementsByTagName('parsererror')].find(reportsFailure));
  if (!root || failure)
    throw new Error(`not well-formed XML: ${failure?.textContent ?? 'there is no element'}`);
  if (strict && STANZAS.includes(root.tagName) && !STANZA_NAMESPACES.includes(root.namespaceURI)) {
    throw new Error(`a <${root.tagName}/> cannot be in the namespace ${String(root.namespaceURI)}`);
  }
  return root;
}

const STANZAS = ['message', 'presence', 'iq'];
const STANZA_NAMESPACES: (string | null)[] = [NS.CLIENT, NS.SERVER, NS.COMPONENT];

// Where the browsers put the report of a parser: Chromium in XHTML, Firefox in one of its own.
const FAILURE_NAMESPACES: (string | null)[] = [
  NS.XHTML,
  'http://www.mozilla.org/newlayout/xml/parsererror.xml',
];

function reportsFailure(element: Element): boolean {
  return FAILURE_NAMESPACES.includes(element.namespaceURI);
}

/**
 * What `DOMParser` makes of the text as XML: a document, which reports a failure by an element `parsererror`.
 */
export function xmlHtmlNode(text: string): XMLDocument {
  return new DOMParser().parseFromString(text, 'text/xml');
}
