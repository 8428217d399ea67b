/** Cookies: the only header that an app can add to the handshake of the WebSocket. */
import { guarded } from './log.ts';

/** A cookie: its value, or an object of its value and attributes. */
export type Cookie =
  | string
  | {
      /** The value; no white space, commas, semicolons or backslashes (RFC 6265 §4.1.1). */
      value: string;
      /** The host that gets the cookie, with its subdomains; by default only the page's host. */
      domain?: string;
      /** The path below which the cookie is sent; by default the page's folder. */
      path?: string;
      /** The date until which the browser keeps the cookie; by default until the browser is closed. */
      expires?: Date;
    };

/** The syntax of each part (RFC 6265 §4.1.1). */
const RULES = {
  name: /^[\w!#$%&'*+.^`|~-]+$/,
  value: /^("?)[!#-+\--:<-[\]-~]*\1$/,
  domain: /^[ -:<-~]+$/,
  path: /^[ -:<-~]+$/,
  expires: / \d{4} [\d:]+ GMT$/,
};

/**
 * Writes cookies to the document: all of them, or none if one is malformed. If there is no
 * document, an error is logged.
 *
 * @throws Error that names the cookie and the malformed part
 */
export function writeCookies(cookies: Readonly<Record<string, Cookie>>): void {
  const written = Object.entries(cookies).map(([name, cookie]) => {
    const checked = (part: keyof typeof RULES, text: string): string => {
      if (typeof text === 'string' && RULES[part].test(text)) return text;
      // The message omits the text, which may be a secret.
      throw new Error(`the ${part} of the cookie ${JSON.stringify(name)} is not one (RFC 6265 §4.1.1)`);
    };
    const { value, domain, path, expires } =
      typeof cookie === 'string' ? ({ value: cookie } as Exclude<Cookie, string>) : cookie;
    let text = `${checked('name', name)}=${checked('value', value)}`;
    if (expires) text += `; expires=${checked('expires', new Date(expires).toUTCString())}`;
    if (domain) text += `; domain=${checked('domain', domain)}`;
    if (path) text += `; path=${checked('path', path)}`;
    return text;
  });
  for (const text of written) guarded(() => (document.cookie = text), 'document.cookie');
}
