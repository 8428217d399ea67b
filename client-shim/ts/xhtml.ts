/**
 * The elements and attributes that XHTML-IM recommends (XEP-0071 §7), and the reduction of any HTML
 * to them.
 */
import type { Draft } from './draft.ts';

const attributes: { readonly [tag: string]: readonly string[] } = {
  a: ['href'],
  blockquote: ['style'],
  body: [],
  br: [],
  cite: ['style'],
  em: [],
  img: ['src', 'alt', 'style', 'height', 'width'],
  li: ['style'],
  ol: ['style'],
  p: ['style'],
  span: ['style'],
  strong: [],
  ul: ['style'],
};

/** The HTML that {@link Builder.h} lets through. */
export const XHTML = {
  /** The names of the allowed elements. */
  tags: Object.keys(attributes),
  /** The allowed attributes, by the name of the element. */
  attributes,
  /** The CSS properties allowed in an attribute `style`. */
  css: [
    'background-color',
    'color',
    'font-family',
    'font-size',
    'font-style',
    'font-weight',
    'margin-left',
    'margin-right',
    'text-align',
    'text-decoration',
  ],
  /** Whether an element of this name is allowed. */
  validTag: (tag: string): boolean => XHTML.tags.includes(tag),
  /** Whether this attribute is allowed on this element. */
  validAttribute: (tag: string, attribute: string): boolean =>
    XHTML.tags.includes(tag) && !!attributes[tag]?.includes(attribute),
  /** Whether this CSS property is allowed. */
  validCSS: (property: string): boolean => XHTML.css.includes(property),
};

/** Appends the parts of `html` that XHTML-IM allows; other elements are replaced by their content. */
export function appendHtml(parent: Draft, html: string): void {
  appendAllowed(parent, new DOMParser().parseFromString(`<body>${html}`, 'text/html').body);
}

function appendAllowed(parent: Draft, from: Node): void {
  for (const child of from.childNodes) {
    if (child.nodeType === Node.TEXT_NODE) {
      parent.children.push((child as Text).data);
    } else if (child.nodeType === Node.ELEMENT_NODE) {
      const element = child as Element;
      const tag = element.localName;
      appendAllowed(XHTML.validTag(tag) ? parent.append(tag, allowedAttributes(element)) : parent, element);
    }
  }
}

function allowedAttributes(element: Element): Record<string, string> {
  const allowed: Record<string, string> = {};
  for (const { name, value } of element.attributes) {
    if (!XHTML.validAttribute(element.localName, name) || isScript(value)) continue;
    const kept = name === 'style' ? allowedStyle(value) : value;
    if (kept) allowed[name] = kept;
  }
  return allowed;
}

/** Browsers strip white space and control characters from an address (URL, "basic URL parser"). */
function isScript(address: string): boolean {
  return /^(javascript|vbscript):/i.test(address.replace(/[\0-\x20]/g, ''));
}

function allowedStyle(style: string): string {
  return style
    .split(';')
    .map((rule) => rule.trim())
    .filter((rule) => XHTML.validCSS(rule.split(':')[0]?.trim().toLowerCase() ?? ''))
    .map((rule) => rule + ';')
    .join(' ');
}
