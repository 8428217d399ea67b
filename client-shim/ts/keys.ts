/** The keys of SCRAM: as an object for apps, as text for the worker. */

/** The keys that SCRAM (RFC 5802 §3) derives from a password, in Strophe's form. */
export interface ScramKeys {
  /** The hash function: `SHA-1`, `SHA-256`, `SHA-384` or `SHA-512`. */
  name: string;
  /** The server's iteration count. */
  iter: number;
  /** The server's salt, in base64. */
  salt: string;
  /** ClientKey, in base64. */
  ck: string;
  /** ServerKey, in base64. */
  sk: string;
}

/** The keys as the text that crosses to the worker. */
export function textOfKeys({ name, iter, salt, ck, sk }: ScramKeys): string {
  return `${name}$${iter}:${salt}$${ck}:${sk}`;
}

/** The keys of that text. */
export function keysOfText(text: string): ScramKeys {
  const [name, iter, salt, ck, sk] = text.split(/[$:]/) as [string, string, string, string, string];
  return { name, iter: +iter, salt, ck, sk };
}
