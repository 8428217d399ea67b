/** Escaping of the characters that are special in XML, and the reverse. */

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
 * Escapes the five characters that are special in XML (`&`, `<`, `>`, `"`, `'`), for text and for
 * attribute values in either kind of quotes.
 */
export function xmlescape(text: string): string {
  return text.replace(/[&<>"']/g, escapeOf);
}

/**
 * Reverses {@link xmlescape}: replaces the five named entities, once each, so `&amp;lt;` becomes `&lt;`.
 */
export function xmlunescape(text: string): string {
  return text.replace(/&(amp|lt|gt|quot|apos);/g, (_, name: string) => NAMED[name] as string);
}

/**
 * Escapes text between tags. A carriage return is escaped too, since a parser turns a literal one
 * into a line feed (XML 1.0 §2.11).
 */
export function escapeText(text: string): string {
  return text.replace(/[&<>"'\r]/g, escapeOf);
}

/**
 * Escapes an attribute value. White space is escaped too, since a parser turns literal tabs and
 * line ends into spaces (XML 1.0 §3.3.3).
 */
export function escapeAttribute(value: string): string {
  return value.replace(/[&<>"'\t\n\r]/g, escapeOf);
}

/**
 * Resolves the references in well-formed text: the five named entities, `&#…;` and `&#x…;`.
 *
 * @throws RangeError for a code point beyond Unicode
 */
export function resolveReferences(text: string): string {
  return text.replace(/&(#?)(x?)([^;]*);/g, (whole, hash: string, x: string, rest: string) => {
    if (hash) return String.fromCodePoint(parseInt(rest, x ? 16 : 10));
    return NAMED[x + rest] ?? whole;
  });
}

/** The value of text between tags: references resolved, line ends normalized (XML 1.0 §2.11). */
export function textValue(raw: string): string {
  const lines = lineFeeds(raw);
  return lines.includes('&') ? resolveReferences(lines) : lines;
}

/** The value of an attribute: references resolved, white space turned into spaces (XML 1.0 §3.3.3). */
export function attributeValue(raw: string): string {
  return /[&\t\n\r]/.test(raw) ? resolveReferences(raw.replace(/\r\n|[\t\n\r]/g, ' ')) : raw;
}

/** Turns every line end into one line feed (XML 1.0 §2.11). */
export function lineFeeds(raw: string): string {
  return raw.includes('\r') ? raw.replace(/\r\n?/g, '\n') : raw;
}

function escapeOf(character: string): string {
  return ESCAPES[character] as string;
}
