/** Cookies for the handshake of the WebSocket, to which an app can add nothing else. */
import { guarded } from './log.ts';

/** A cookie: its value, or that with its attributes. */
export type Cookie =
  | string
  | {
      /** The value (RFC 6265 §4.1.1: no white space, commas, semicolons or backslashes). */
      value: string;
      /** The host that may see it, and those below; without it only the page's own. */
      domain?: string;
      /** Below which path it is seen; without it below the page's folder. */
      path?: string;
      /** Until when it is kept; without it until the browser is closed. */
      expires?: Date;
    };

/** What each part may be (RFC 6265 §4.1.1). */
const RULES = {
  name: /^[\w!#$%&'*+.^`|~-]+$/,
  value: /^("?)[!#-+\--:<-[\]-~]*\1$/,
  domain: /^[ -:<-~]+$/,
  path: /^[ -:<-~]+$/,
  expires: / \d{4} [\d:]+ GMT$/,
};

/**
 * Writes cookies to the document: all, or none. Without a document that takes them, an error is logged.
 *
 * @throws Error naming the cookie, and the part that would break out of it
 */
export function writeCookies(cookies: Readonly<Record<string, Cookie>>): void {
  const written = Object.entries(cookies).map(([name, cookie]) => {
    const checked = (part: keyof typeof RULES, text: string): string => {
      if (typeof text === 'string' && RULES[part].test(text)) return text;
      // What is in it may be a secret.
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
