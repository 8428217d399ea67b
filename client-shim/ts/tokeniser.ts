/**
 * From text that is known to be well-formed to elements.
 *
 * It has been verified, namespaces included, and holds no document types, comments and processing instructions (RFC 6120
 * §11). So nothing is checked twice: this cuts at the next `<`, `>` or quote, and builds what `DOMParser` would build, at a
 * fraction of a parser call.
 */
import { XML, XMLNS, xmlGenerator } from './document.ts';
import { resolveReferences } from './escape.ts';

/**
 * The element of one document, as its own root.
 *
 * @throws Error where there is no DOM, when the text is not well-formed after all, and for names that XML allows and DOM
 *   does not, such as an element `xmlns`
 */
export function tokenise(text: string): Element {
  return new Tokeniser(text).run();
}

/** What prefixes mean at one place. A new one is made only where an element declares something. */
interface Scope {
  /** The default namespace. */
  readonly fallback: string | null;
  readonly prefixes: ReadonlyMap<string, string> | null;
}

const OUTERMOST: Scope = { fallback: null, prefixes: null };

const SPACE = 32;
const BANG = 33;
const DOUBLE_QUOTE = 34;
const QUOTE = 39;
const SLASH = 47;
const EQUALS = 61;
const GREATER = 62;
const QUESTION = 63;
const LOWER_X = 120;

const CDATA = '<![CDATA[';

class Tokeniser {
  private readonly document = xmlGenerator();
  private readonly text: string;
  /** Whether values can be taken as they are: no reference to resolve, no white space to normalise. */
  private readonly plain: boolean;
  /** Where the next character is read. */
  private at = 0;
  private scope = OUTERMOST;
  /** The attributes of the tag being read, names and values in turn. */
  private readonly attributes: string[] = [];

  constructor(text: string) {
    this.text = text;
    this.plain = !/[&\t\n\r]/.test(text);
  }

  run(): Element {
    const { text } = this;
    this.at = this.find('<', 0);
    if (text.charCodeAt(this.at + 1) === QUESTION) this.at = this.find('<', this.find('?>', this.at));
    const root = this.startTag();
    if (this.closesItself()) return root;

    const open: Element[] = [];
    const scopes: Scope[] = [];
    let current = root;
    let outer: Scope = OUTERMOST;
    for (;;) {
      const next = this.find('<', this.at);
      if (next > this.at) current.append(this.textValue(text.slice(this.at, next)));
      this.at = next;
      const after = text.charCodeAt(next + 1);
      if (after === SLASH) {
        this.at = this.find('>', next) + 1;
        const parent = open.pop();
        if (!parent) return root;
        current = parent;
        this.scope = outer;
        outer = scopes.pop() as Scope;
      } else if (after === BANG) {
        const end = this.find(']]>', next);
        current.appendChild(this.document.createCDATASection(lineFeeds(text.slice(next + CDATA.length, end))));
        this.at = end + 3;
      } else {
        const before = this.scope;
        const child = current.appendChild(this.startTag());
        if (this.closesItself()) {
          this.scope = before;
        } else {
          open.push(current);
          scopes.push(outer);
          outer = before;
          current = child;
        }
      }
    }
  }

  /** Reads a tag up to its `>` or `/>`, from its `<`, and makes its element; declarations in it enter the scope. */
  private startTag(): Element {
    const { text, attributes } = this;
    const name = this.name(this.at + 1);
    attributes.length = 0;
    let declares = false;
    for (;;) {
      let code = text.charCodeAt(this.at);
      while (code <= SPACE) code = text.charCodeAt(++this.at);
      if (code === GREATER || code === SLASH) break;
      const attribute = this.name(this.at);
      while ((code = text.charCodeAt(this.at)) !== DOUBLE_QUOTE && code !== QUOTE) {
        if (!(code <= SPACE || code === EQUALS)) throw malformed(this.at);
        this.at++;
      }
      const end = this.find(code === QUOTE ? "'" : '"', this.at + 1);
      attributes.push(attribute, this.attributeValue(text.slice(this.at + 1, end)));
      this.at = end + 1;
      declares ||= attribute.charCodeAt(0) === LOWER_X && isDeclaration(attribute);
    }
    if (declares) this.scope = declared(this.scope, attributes);
    const element = this.document.createElementNS(this.namespaceOf(name), name);
    for (let i = 0; i < attributes.length; i += 2) this.setAttribute(element, attributes[i] as string, attributes[i + 1] as string);
    return element;
  }

  /** Leaves the tag behind, and says whether it was an empty-element tag. */
  private closesItself(): boolean {
    const empty = this.text.charCodeAt(this.at) === SLASH;
    this.at += empty ? 2 : 1;
    return empty;
  }

  /** The name that starts at `start`: everything up to white space, `/`, `=` or `>`. */
  private name(start: number): string {
    const { text } = this;
    let at = start;
    for (let code = text.charCodeAt(at); !(code <= SPACE || code === SLASH || code === EQUALS || code === GREATER); code = text.charCodeAt(at)) {
      if (code !== code) throw malformed(at);
      at++;
    }
    this.at = at;
    return text.slice(start, at);
  }

  private setAttribute(element: Element, name: string, value: string): void {
    const colon = name.indexOf(':');
    if (colon < 0 && name !== 'xmlns') element.setAttribute(name, value);
    else if (isDeclaration(name)) element.setAttributeNS(XMLNS, name, value);
    else element.setAttributeNS(this.namespaceOf(name), name, value);
  }

  /** The namespace of an element, or of an attribute with a prefix. */
  private namespaceOf(name: string): string | null {
    const colon = name.indexOf(':');
    if (colon < 0) return this.scope.fallback;
    const prefix = name.slice(0, colon);
    const namespace = prefix === 'xml' ? XML : this.scope.prefixes?.get(prefix);
    if (namespace === undefined) throw new Error(`the prefix ${prefix} is bound to no namespace`);
    return namespace;
  }

  private textValue(raw: string): string {
    return this.plain ? raw : resolveReferences(lineFeeds(raw));
  }

  private attributeValue(raw: string): string {
    return this.plain ? raw : resolveReferences(raw.replace(/\r\n|[\t\n\r]/g, ' '));
  }

  private find(what: string, from: number): number {
    const at = this.text.indexOf(what, from);
    if (at < 0) throw malformed(this.text.length);
    return at;
  }
}

/** The scope within an element that has these attributes (Namespaces in XML 1.0 §6). */
function declared(outer: Scope, attributes: readonly string[]): Scope {
  let { fallback } = outer;
  let prefixes: Map<string, string> | null = null;
  for (let i = 0; i < attributes.length; i += 2) {
    const name = attributes[i] as string;
    const value = attributes[i + 1] as string;
    if (name === 'xmlns') fallback = value || null;
    else if (name.startsWith('xmlns:')) (prefixes ??= new Map(outer.prefixes)).set(name.slice(6), value);
  }
  return { fallback, prefixes: prefixes ?? outer.prefixes };
}

function isDeclaration(attribute: string): boolean {
  return attribute === 'xmlns' || attribute.startsWith('xmlns:');
}

/** Every line end becomes one line feed (XML 1.0 §2.11). */
function lineFeeds(raw: string): string {
  return raw.includes('\r') ? raw.replace(/\r\n?/g, '\n') : raw;
}

function malformed(at: number): Error {
  return new Error(`not well-formed XML at ${at}: the text was not verified`);
}
