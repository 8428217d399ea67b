/** The HTTP options of an app, checked: the worker hands them to `fetch` as they are. */
import type { BoshOptions } from '../options.ts';
import type { HttpOptions } from '../../../port/ts/protocol/HttpOptions.ts';

/**
 * Names that a browser keeps to itself (Fetch, "forbidden request-header"): `fetch` ignores them silently.
 */
const FORBIDDEN =
  /^(accept-charset|accept-encoding|access-control-request-(headers|method|private-network)|connection|content-length|cookie2?|date|dnt|expect|host|keep-alive|origin|referer|set-cookie|te|trailer|transfer-encoding|upgrade|via|(proxy|sec)-.*)$/i;

/** A token of HTTP (RFC 9110 §5.6.2). */
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;

/** Bytes without line breaks and NUL: what `fetch` takes as a value. */
const VALUE = /^[^\0\r\n\u0100-\uffff]*$/;

/**
 * What requests are made with, by the options as they are now.
 *
 * @param warn is called with a sentence for each header that is left out
 * @throws Error with a sentence for the app, which quotes no value: a value may be a secret
 */
export function httpOptions(options: BoshOptions, warn: (text: string) => void): HttpOptions {
  const { customHeaders, withCredentials, contentType } = options;
  const headers = new Map<string, { name: string; value: string }>();
  let content: string | null = contentType ? checked('contentType', contentType) : null;
  for (const [name, given] of pairs(customHeaders)) {
    if (!TOKEN.test(name)) {
      throw new Error(`customHeaders: ${JSON.stringify(name)} is no name of a header (RFC 9110 §5.1)`);
    }
    const value = checked(`the header ${name} in customHeaders`, given);
    if (/^content-type$/i.test(name)) content ??= value;
    else if (FORBIDDEN.test(name)) {
      warn(`the header ${name} in customHeaders is left out: browsers let no page set it`);
    } else {
      const key = name.toLowerCase();
      const before = headers.get(key);
      headers.set(key, before ? { ...before, value: `${before.value}, ${value}` } : { name, value });
    }
  }
  return { headers: [...headers.values()], with_credentials: !!withCredentials, content_type: content };
}

/**
 * Names and values: of lines `Name: value`, as Strophe documents them, or of a map, as Strophe reads them.
 */
function* pairs(given: BoshOptions['customHeaders']): Generator<[string, unknown]> {
  if (given === undefined || given === null) return;
  if (typeof given !== 'object') throw new Error('customHeaders is a list of "Name: value", or a map');
  if (!Array.isArray(given)) return void (yield* Object.entries(given));
  for (const [index, line] of (given as readonly unknown[]).entries()) {
    const colon = typeof line === 'string' ? line.indexOf(':') : -1;
    if (colon < 0) {
      throw new Error(`entry ${index + 1} of customHeaders has no colon: write "Name: value"`);
    }
    const text = line as string;
    yield [text.slice(0, colon).trim(), text.slice(colon + 1)];
  }
}

function checked(what: string, value: unknown): string {
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean')
    throw new Error(`the value of ${what} is no text`);
  const text = String(value).trim();
  if (VALUE.test(text)) return text;
  throw new Error(`the value of ${what} has a line break, or a character that HTTP does not take`);
}
