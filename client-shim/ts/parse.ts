/**
 * From text to elements: {@link parseStanza} for inbound stanzas, which the worker has verified;
 * {@link toElement} for all other text.
 */
import { NS } from './constants.ts';
import { xmlGenerator } from './document.ts';
import { remember, reshaped } from './shape.ts';
import { tokenise } from './tokeniser.ts';

/**
 * The element of one stanza, without a parent.
 *
 * @param text one element that the worker has verified; an XML declaration may precede it
 * @throws Error if `text` is not well-formed after all, or if there is no DOM
 */
export function parseStanza(text: string): Element {
  try {
    return reshaped(text) ?? remember(text, tokenise(text));
  } catch {
    // Either a name that DOM's methods refuse, or text that was not verified: the browser's parser
    // decides.
    return xmlGenerator().adoptNode(toElement(text));
  }
}

/**
 * The element of any text, checked by the browser's parser.
 *
 * @param text one XML document
 * @param strict whether a `<message/>`, `<presence/>` or `<iq/>` must be in one of the stanza
 * namespaces (`jabber:client`, `jabber:server`, `jabber:component:accept`); default `false`
 * @throws Error if `text` is not well-formed, if a stanza is in another namespace, or if there is no DOM
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

// The namespaces of `<parsererror/>`: XHTML in Chromium, Mozilla's own in Firefox.
const FAILURE_NAMESPACES: (string | null)[] = [
  NS.XHTML,
  'http://www.mozilla.org/newlayout/xml/parsererror.xml',
];

function reportsFailure(element: Element): boolean {
  return FAILURE_NAMESPACES.includes(element.namespaceURI);
}

/**
 * The document that `DOMParser` makes of the text as XML. Malformed text gives a document with an
 * element `parsererror`.
 */
export function xmlHtmlNode(text: string): XMLDocument {
  return new DOMParser().parseFromString(text, 'text/xml');
}
