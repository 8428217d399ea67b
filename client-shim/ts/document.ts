/** The document that owns every element made here, and the two namespaces reserved by XML. */

/** The namespace of the prefix `xml`, which needs no declaration (Namespaces in XML 1.0 §3). */
export const XML = 'http://www.w3.org/XML/1998/namespace';

/** The namespace of `xmlns` attributes (Namespaces in XML 1.0 §3). */
export const XMLNS = 'http://www.w3.org/2000/xmlns/';

let shared: XMLDocument | undefined;

/**
 * The XML document that owns the elements of stanzas. It is made at the first call, so that
 * importing this package needs no DOM. The stanzas are not in the document. Its root is the root of
 * Strophe's document: libraries such as Sizzle tell XML from HTML by the name of the root, and take a
 * document without a root for HTML.
 *
 * @throws Error if there is no DOM, as in a worker or in Node.js
 */
export function xmlGenerator(): XMLDocument {
  if (shared) return shared;
  if (typeof document === 'undefined')
    throw new Error('an element can be made only where there is a DOM; toString() works without');
  return (shared = document.implementation.createDocument('jabber:client', 'strophe', null));
}
