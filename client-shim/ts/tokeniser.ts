/**
 * From text that is known to be well-formed to elements.
 *
 * It has been verified, namespaces included, and holds no document types, comments and processing
 * instructions (RFC 6120 §11). So nothing is checked twice: this cuts at the next `<`, `>` or quote, and
 * builds what `DOMParser` would build, at a fraction of a parser call.
 */
import { XML, XMLNS, xmlGenerator } from './document.ts';
import { attributeValue, lineFeeds, textValue } from './escape.ts';
import { OUTERMOST, type Scope, isDeclaration, scopeWithin } from './scope.ts';

/**
 * The element of one document, as its own root.
 *
 * @throws Error where there is no DOM, when the text is not well-formed after all, and for names that XML
 * allows and DOM does not, such as an element `xmlns`
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
  /** Where the next character is read. */
  private at = 0;
  /** What names mean here: within the element whose tag was read last, unless that was closed. */
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

    // The elements around the current one, and the scope around each element that is open.
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
   * Reads a tag from its `<` up to its `>` or `/>`, and makes its element; what it declares enters the scope.
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

  /** Leaves the tag behind, and says whether it was an empty-element tag. */
  private closesItself(): boolean {
    const empty = this.text.charCodeAt(this.at) === SLASH;
    this.at += empty ? 2 : 1;
    return empty;
  }

  /** Takes text that reaches to the end tag, as in most elements, and the end tag; otherwise nothing. */
  private holdsOnlyText(element: Element): boolean {
    const { text, at } = this;
    const next = this.find('<', at);
    if (text.charCodeAt(next + 1) !== SLASH) return false;
    if (next > at) element.textContent = textValue(text.slice(at, next));
    this.at = this.find('>', next) + 1;
    return true;
  }

  /** Moves on to the next attribute of the tag, if there is one. */
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

  /** The value behind `=` and what white space there is, without its quotes. */
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

  /** The end of the name at `start`: where white space, `/`, `=` or `>` is. */
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

/** The namespace of a name with its colon at `colon`: for elements, and for attributes that have one. */
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
