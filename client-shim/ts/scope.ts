/** The namespaces in scope at one place of a document (Namespaces in XML 1.0 §6). */
export interface Scope {
  /** The default namespace. */
  readonly fallback: string | null;
  /** The namespaces of the prefixes; `null` if none is declared. */
  readonly prefixes: ReadonlyMap<string, string> | null;
}

/** The scope outside the root element. */
export const OUTERMOST: Scope = { fallback: null, prefixes: null };

/** The scope within an element that has these attributes. */
export function scopeWithin(
  outer: Scope,
  attributes: readonly (readonly [name: string, value: string])[],
): Scope {
  let { fallback } = outer;
  let prefixes: Map<string, string> | null = null;
  for (const [name, value] of attributes) {
    if (name === 'xmlns') fallback = value || null;
    else if (name.startsWith('xmlns:')) (prefixes ??= new Map(outer.prefixes)).set(name.slice(6), value);
  }
  return prefixes || fallback !== outer.fallback ? { fallback, prefixes: prefixes ?? outer.prefixes } : outer;
}

/** Whether an attribute of this name declares a namespace. */
export function isDeclaration(attribute: string): boolean {
  return attribute === 'xmlns' || attribute.startsWith('xmlns:');
}
