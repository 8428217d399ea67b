/**
 * From elements to text.
 *
 * `XMLSerializer` writes `xmlns=""` on children made without a namespace. Many apps make the
 * children of their stanzas so, and a server would not recognize those. Here an element without a
 * namespace takes the default namespace of its parent, and so does one that the page's own document
 * has made, which is in the namespace of XHTML: whoever means XHTML says so in an attribute `xmlns`,
 * as over Strophe. Attributes come in the order of their names, as Strophe writes them: apps compare
 * such texts. Comments and processing instructions, which XMPP forbids (RFC 6120 §11.1), are left out.
 */
import { NS } from './constants.ts';
import { XML, XMLNS } from './document.ts';
import { escapeAttribute, escapeText } from './escape.ts';

/** The element and its content as text, with every declaration needed to stand alone. */
export function serializeElement(element: Element): string {
  return write(element, null, new Map([['xml', XML]]));
}

function write(element: Element, fallback: string | null, prefixes: ReadonlyMap<string, string>): string {
  const { prefix, localName, namespaceURI } = element;
  const name = prefix ? `${prefix}:${localName}` : localName;
  const inner = new Map(prefixes);
  const attributes = [...element.attributes].sort((one, other) => (one.name < other.name ? -1 : 1));
  let tag = '<' + name;
  let declared = false;
  for (const { name, value } of attributes) {
    if (name === 'xmlns') {
      declared = true;
      fallback = value || null;
    } else if (name.startsWith('xmlns:')) {
      inner.set(name.slice(6), value);
    }
  }
  const declare = (prefix: string, namespace: string): void => {
    inner.set(prefix, namespace);
    tag += ` xmlns:${prefix}="${escapeAttribute(namespace)}"`;
  };
  if (namespaceURI && prefix) {
    if (inner.get(prefix) !== namespaceURI) declare(prefix, namespaceURI);
  } else if (namespaceURI && !declared && namespaceURI !== NS.XHTML && namespaceURI !== fallback) {
    fallback = namespaceURI;
    tag += ` xmlns="${escapeAttribute(namespaceURI)}"`;
  }
  for (const { name, value, prefix, namespaceURI } of attributes) {
    if (prefix && namespaceURI && namespaceURI !== XMLNS && inner.get(prefix) !== namespaceURI)
      declare(prefix, namespaceURI);
    tag += ` ${name}="${escapeAttribute(value)}"`;
  }
  let content = '';
  for (let child = element.firstChild; child; child = child.nextSibling) {
    if (child.nodeType === 1) content += write(child as Element, fallback, inner);
    else if (child.nodeType === 3) content += escapeText((child as Text).data);
    else if (child.nodeType === 4) content += `<![CDATA[${(child as CDATASection).data}]]>`;
  }
  return content ? `${tag}>${content}</${name}>` : `${tag}/>`;
}
