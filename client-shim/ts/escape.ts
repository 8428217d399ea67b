/** Characters that XML must not hold as they are, and back. */

const ESCAPES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
};

const NAMED: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/**
 * Escapes the five characters that mean something in XML: fit for text and for attribute values in either
 * quotes.
 */
export function xmlescape(text: string): string {
  return text.replace(/[&<>"']/g, escapeOf);
}

/** Undoes {@link xmlescape}. Only the five named entities, each once: `&amp;lt;` becomes `&lt;`. */
export function xmlunescape(text: string): string {
  return text.replace(/&(amp|lt|gt|quot|apos);/g, (_, name: string) => NAMED[name] as string);
}

/**
 * Escapes for text between tags. A carriage return is escaped too: bare, a parser would make a line feed of
 * it (XML 1.0 §2.11).
 */
export function escapeText(text: string): string {
  return text.replace(/[&<>"'\r]/g, escapeOf);
}

/**
 * Escapes for an attribute value. White space is escaped too: bare, a parser would make spaces of it (XML 1.0
 * §3.3.3).
 */
export function escapeAttribute(value: string): string {
  return value.replace(/[&<>"'\t\n\r]/g, escapeOf);
}

/**
 * Resolves the references in text that is known to be well-formed: the five entities, `&#…;` and `&#x…;`.
 *
 * @throws RangeError for a code point beyond Unicode
 */
export function resolveReferences(text: string): string {
  return text.replace(/&(#?)(x?)([^;]*);/g, (whole, hash: string, x: string, rest: string) => {
    if (hash) return String.fromCodePoint(parseInt(rest, x ? 16 : 10));
    return NAMED[x + rest] ?? whole;
  });
}

/** What text between tags says: references resolved, and every line end one line feed (XML 1.0 §2.11). */
export function textValue(raw: string): string {
  const lines = lineFeeds(raw);
  return lines.includes('&') ? resolveReferences(lines) : lines;
}

/** What an attribute's value says: references resolved, and white space made spaces (XML 1.0 §3.3.3). */
export function attributeValue(raw: string): string {
  return /[&\t\n\r]/.test(raw) ? resolveReferences(raw.replace(/\r\n|[\t\n\r]/g, ' ')) : raw;
}

/** Every line end becomes one line feed (XML 1.0 §2.11). */
export function lineFeeds(raw: string): string {
  return raw.includes('\r') ? raw.replace(/\r\n?/g, '\n') : raw;
}

function escapeOf(character: string): string {
  return ESCAPES[character] as string;
}
