/**
 * What names mean at one place of a document, and what is remembered of names from one stanza to the next: stanzas have few
 * names and namespaces, and the same ones all the time.
 */
import { XMLNS, xmlGenerator } from './document.ts';

/** What names mean at one place (Namespaces in XML 1.0 §6). */
export interface Scope {
  /** The default namespace. */
  readonly fallback: string | null;
  /** What prefixes are bound to; nothing where none is. */
  readonly prefixes: ReadonlyMap<string, string> | null;
  /** The beginnings of tags that were seen here. Only where no prefix is bound, for such scopes are shared. */
  readonly templates: Map<string, Template> | null;
}

/** An element whose clone stands for the beginning of a tag, and the scope within it. */
export interface Template {
  readonly element: Element;
  readonly scope: Scope;
}

/** The scope of a root. */
export const OUTERMOST: Scope = { fallback: null, prefixes: null, templates: new Map() };

/** How many beginnings, namespaces and names are remembered. A peer that never repeats itself must not fill the memory. */
const LIMIT = 1_000;

const scopes = new Map<string | null, Scope>([[null, OUTERMOST]]);
const names = new Map<string, string>();
let templates = 0;

/** The scope within an element that has these attributes. */
export function scopeWithin(outer: Scope, attributes: readonly (readonly [name: string, value: string])[]): Scope {
  let { fallback } = outer;
  let prefixes: Map<string, string> | null = null;
  for (const [name, value] of attributes) {
    if (name === 'xmlns') fallback = value || null;
    else if (name.startsWith('xmlns:')) (prefixes ??= new Map(outer.prefixes)).set(name.slice(6), value);
  }
  if (!prefixes && fallback === outer.fallback) return outer;
  const bound = prefixes ?? outer.prefixes;
  return bound ? { fallback, prefixes: bound, templates: null } : sharedScope(fallback);
}

/**
 * The template for the beginning of a tag in this scope.
 *
 * @param head a name, alone or with one declaration of a default namespace as in `x xmlns="jabber:x:data"`
 * @param nameLength how much of it is the name
 * @returns nothing where a prefix, a reference or unusual white space is in play
 */
export function templateOf(scope: Scope, head: string, nameLength: number): Template | undefined {
  return scope.templates?.get(head) ?? learn(scope, head, nameLength);
}

function learn(scope: Scope, head: string, nameLength: number): Template | undefined {
  const name = head.slice(0, nameLength);
  if (!scope.templates || name.includes(':') || /[&\t\n\r]/.test(head)) return undefined;
  if (templates++ >= LIMIT) forget();
  const declared = head.length > nameLength ? head.slice(nameLength + ' xmlns="'.length, -1) : null;
  const within = declared === null ? scope : sharedScope(declared || null);
  const element = xmlGenerator().createElementNS(within.fallback, name);
  if (declared !== null) element.setAttributeNS(XMLNS, 'xmlns', declared);
  const template = { element, scope: within };
  scope.templates.set(head, template);
  return template;
}

function sharedScope(fallback: string | null): Scope {
  const known = scopes.get(fallback);
  if (known) return known;
  if (scopes.size >= LIMIT) forget();
  const scope = { fallback, prefixes: null, templates: new Map() };
  scopes.set(fallback, scope);
  return scope;
}

/** The same name, always as the same string: the DOM finds a string that it has seen faster than an equal one. */
export function intern(name: string): string {
  const known = names.get(name);
  if (known !== undefined) return known;
  if (names.size >= LIMIT) names.clear();
  names.set(name, name);
  return name;
}

function forget(): void {
  templates = 0;
  for (const scope of scopes.values()) scope.templates?.clear();
  scopes.clear();
  scopes.set(null, OUTERMOST);
}
