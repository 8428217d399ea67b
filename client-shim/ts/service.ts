/** Checks and resolves the addresses of the service and of the worker script. */

/** A value of the option `protocol`. */
export type Protocol = 'ws' | 'wss';

/**
 * The address of this page.
 *
 * @throws Error with a sentence for the app where there is no page, as in Node
 */
export function ownAddress(): string {
  if (typeof document === 'undefined')
    throw new Error(
      'there is no page here, as in Node or in a worker: connect and attach need one; without one only stanzas are built and read',
    );
  return location.href;
}

/**
 * The absolute address of a service: of a WebSocket, or of BOSH if it begins with `http`.
 *
 * A `ws:` or `wss:` URL is a WebSocket. With `protocol` any other address is one too, else it is BOSH.
 * A relative address is resolved on the page's host: against its root if the address begins with `/`,
 * else against the page's folder. On an https page `ws` as a protocol becomes `wss`, since browsers
 * allow nothing else. A fragment is dropped.
 *
 * @param page the address of the page
 * @throws Error for the app, if the address is malformed
 */
export function resolveService(service: string, protocol: Protocol | undefined, page: string): string {
  const scheme = /^([a-z][a-z\d+.-]*):/i.exec(service)?.[1];
  if (!service || (scheme !== undefined && !/^(ws|http)s?$/i.test(scheme))) {
    throw new Error(
      `${service || 'an empty address'} is not the address of a service: begin it with ws:// or wss://, or with http:// or https:// for BOSH`,
    );
  }
  if (!protocol && /^(https?:)?[\\/]{2}[^\\/?#]*@/i.test(service)) {
    // The sentence quotes no address with a password.
    throw new Error(
      'the address of the service has a user name inside, and browsers make no such request: give that as Authorization in customHeaders',
    );
  }
  try {
    const url = new URL(service, page);
    // A relative address takes the user name of the page's own address along.
    if (scheme === undefined) url.username = url.password = '';
    if (protocol) {
      if (url.protocol === 'https:') url.protocol = 'wss:';
      if (url.protocol === 'http:') url.protocol = `${protocol}:`;
    }
    if (/^(ws|http)/.test(url.protocol)) {
      url.hash = '';
      return url.href;
    }
  } catch {
    // Reported below.
  }
  throw new Error(`${service} is not a URL on the page ${page}`);
}

/**
 * The absolute address of the worker script.
 *
 * @param base the base of a relative address
 * @param origin the origin of the page; an `about:blank` page inherits that of its opener or parent
 * @throws Error for the app, if the address is malformed, or of another origin, where browsers
 * allow no shared worker
 */
export function resolveWorker(worker: string | URL, base: string, origin: string): URL {
  let url: URL;
  try {
    url = new URL(worker, base);
  } catch {
    throw new Error(`the worker's address ${worker} is not a URL`);
  }
  if (url.origin !== origin) {
    throw new Error(
      `the worker script ${url.href} is cross-origin: a shared worker must come from the origin of the page, ${origin}; serve epode-worker.inline.js from there`,
    );
  }
  return url;
}
