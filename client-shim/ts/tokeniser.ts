/**
 * A tokeniser for stanzas that the worker has verified.
 *
 * The text is well-formed, namespaces included, and contains no document types, comments or processing
 * instructions (RFC 6120 §11). So nothing is checked again: the tokeniser cuts at the next `<`, `>` or
 * quote, and builds the element that `DOMParser` would build, in a fraction of the time.
 */
import { XML, XMLNS, xmlGenerator } from './document.ts';
import { attributeValue, lineFeeds, textValue } from './escape.ts';
import { OUTERMOST, type Scope, isDeclaration, scopeWithin } from './scope.ts';

/**
 * The element of one document, without a parent.
 *
 * @throws Error if there is no DOM, if the text is not well-formed after all, or for a name that
 * XML allows and DOM refuses, for example an element `xmlns`
 */
export function tokenise(text: string): Element {
  return new Tokeniser(text).run();
}

const SPACE = 32;
const BANG = 33;
const DOUBLE_QUOTE = 34;
const QUOTE = 39;
const SLASH = 47;
const EQUALS = 61;
const GREATER = 62;
const QUESTION = 63;

const CDATA = '<![CDATA[';

class Tokeniser {
  private readonly document = xmlGenerator();
  private readonly text: string;
  /** The index of the next character to read. */
  private at = 0;
  /**
   * The namespaces in scope: within the element whose tag was read last, or around it if it is closed.
   */
  private scope: Scope = OUTERMOST;

  constructor(text: string) {
    this.text = text;
  }

  run(): Element {
    const { text } = this;
    this.at = this.find('<', 0);
    if (text.charCodeAt(this.at + 1) === QUESTION) this.at = this.find('<', this.find('?>', this.at));
    const root = this.startTag();
    if (this.closesItself()) return root;

    // The ancestors of the current element, and the scope around each open element.
    const open: Element[] = [];
    const scopes: Scope[] = [OUTERMOST];
    let current = root;
    for (;;) {
      const next = this.find('<', this.at);
      if (next > this.at) current.append(textValue(text.slice(this.at, next)));
      this.at = next;
      const after = text.charCodeAt(next + 1);
      if (after === SLASH) {
        this.at = this.find('>', next) + 1;
        this.scope = scopes.pop() as Scope;
        const parent = open.pop();
        if (!parent) return root;
        current = parent;
      } else if (after === BANG) {
        const end = this.find(']]>', next);
        current.appendChild(
          this.document.createCDATASection(lineFeeds(text.slice(next + CDATA.length, end))),
        );
        this.at = end + 3;
      } else {
        const outer = this.scope;
        const child = this.startTag();
        current.appendChild(child);
        if (this.closesItself() || this.holdsOnlyText(child)) {
          this.scope = outer;
        } else {
          open.push(current);
          scopes.push(outer);
          current = child;
        }
      }
    }
  }

  /**
   * Reads a tag from its `<` up to its `>` or `/>`, makes its element, and adds its declarations to
   * the scope.
   */
  private startTag(): Element {
    const { text } = this;
    const start = this.at;
    const end = this.nameEnd(start + 1);
    const name = text.slice(start + 1, end);
    this.at = end;
    const attributes: [name: string, value: string][] = [];
    while (this.attributeFollows()) attributes.push([this.attributeName(), this.attributeValue()]);
    const scope = scopeWithin(this.scope, attributes);
    const element = this.document.createElementNS(namespaceOf(scope, name, name.indexOf(':')), name);
    for (const [name, value] of attributes) {
      const colon = name.indexOf(':');
      if (isDeclaration(name)) element.setAttributeNS(XMLNS, name, value);
      else if (colon < 0) element.setAttribute(name, value);
      else element.setAttributeNS(namespaceOf(scope, name, colon), name, value);
    }
    this.scope = scope;
    return element;
  }

  /** Reads the end of the tag; returns whether it is an empty-element tag. */
  private closesItself(): boolean {
    const empty = this.text.charCodeAt(this.at) === SLASH;
    this.at += empty ? 2 : 1;
    return empty;
  }

  /**
   * Reads the content and the end tag of an element that holds only text, as most do; otherwise
   * reads nothing and returns `false`.
   */
  private holdsOnlyText(element: Element): boolean {
    const { text, at } = this;
    const next = this.find('<', at);
    if (text.charCodeAt(next + 1) !== SLASH) return false;
    if (next > at) element.textContent = textValue(text.slice(at, next));
    this.at = this.find('>', next) + 1;
    return true;
  }

  /** Skips white space; returns whether an attribute follows in this tag. */
  private attributeFollows(): boolean {
    const { text } = this;
    let code = text.charCodeAt(this.at);
    while (code <= SPACE) code = text.charCodeAt(++this.at);
    return code !== GREATER && code !== SLASH;
  }

  private attributeName(): string {
    const end = this.nameEnd(this.at);
    const name = this.text.slice(this.at, end);
    this.at = end;
    return name;
  }

  /** Reads `=`, white space and the quoted value; returns the value without its quotes. */
  private attributeValue(): string {
    const { text } = this;
    let code = text.charCodeAt(this.at);
    while (code === EQUALS || code <= SPACE) code = text.charCodeAt(++this.at);
    if (!isQuote(code)) throw malformed(this.at);
    const start = this.at + 1;
    const end = this.find(code === QUOTE ? "'" : '"', start);
    this.at = end + 1;
    return attributeValue(text.slice(start, end));
  }

  /** The end of the name that begins at `start`: the index of white space, `/`, `=` or `>`. */
  private nameEnd(start: number): number {
    const { text } = this;
    for (let at = start; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code <= SPACE || code === SLASH || code === EQUALS || code === GREATER) return at;
    }
    throw malformed(text.length);
  }

  private find(what: string, from: number): number {
    const at = this.text.indexOf(what, from);
    if (at < 0) throw malformed(this.text.length);
    return at;
  }
}

/**
 * The namespace of the name of an element, or of an attribute with a prefix; `colon` is the index
 * of the colon, or -1.
 */
function namespaceOf(scope: Scope, name: string, colon: number): string | null {
  if (colon < 0) return scope.fallback;
  const prefix = name.slice(0, colon);
  const namespace = prefix === 'xml' ? XML : scope.prefixes?.get(prefix);
  if (namespace === undefined) throw new Error(`the prefix ${prefix} is bound to no namespace`);
  return namespace;
}

function isQuote(code: number): boolean {
  return code === QUOTE || code === DOUBLE_QUOTE;
}

function malformed(at: number): Error {
  return new Error(`not well-formed XML at ${at}: the text was not verified`);
}
