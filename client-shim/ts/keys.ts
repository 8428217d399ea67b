/** The keys of SCRAM: as an app has them, and as they cross to the worker. */

/** What SCRAM (RFC 5802) derives from a password, as Strophe writes it. */
export interface ScramKeys {
  /** The hash: `SHA-1`, `SHA-256`, `SHA-384` or `SHA-512`. */
  name: string;
  /** How many iterations the server asked for. */
  iter: number;
  /** The server's salt, in base64. */
  salt: string;
  /** ClientKey, in base64. */
  ck: string;
  /** ServerKey, in base64. */
  sk: string;
}

/** The form in which keys cross to the worker. */
export function textOfKeys({ name, iter, salt, ck, sk }: ScramKeys): string {
  return `${name}$${iter}:${salt}$${ck}:${sk}`;
}

/** The object that the worker's text stands for. */
export function keysOfText(text: string): ScramKeys {
  const [name, iter, salt, ck, sk] = text.split(/[$:]/) as [string, string, string, string, string];
  return { name, iter: +iter, salt, ck, sk };
}
