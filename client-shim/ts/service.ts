/** Which addresses can be meant: the service's, and the worker script's. */

/** The name of a protocol in the option `protocol`. */
export type Protocol = 'ws' | 'wss';

/**
 * The absolute WebSocket address of a service.
 *
 * A `ws:` or `wss:` URL is taken as it is. With `protocol`, a relative one is on the page's host: behind a
 * leading `/` from its root, else from the page's folder. On an https page `ws` becomes `wss`, since the
 * browser allows nothing else.
 *
 * @param page the address of the page
 * @throws Error with a sentence for the app: an address that is none, or one that needs BOSH
 */
export function resolveService(service: string, protocol: Protocol | undefined, page: string): string {
  const scheme = /^([a-z][a-z\d+.-]*):/i.exec(service)?.[1];
  const isMeant = scheme === undefined ? service && protocol : /^wss?$/i.test(scheme);
  if (!isMeant) {
    throw new Error(
      `${service || 'an empty address'} is not the address of a WebSocket: begin it with ws:// or wss://, or set the option "protocol" for a relative one; BOSH is not spoken yet`,
    );
  }
  try {
    const url = new URL(service, page);
    if (url.protocol === 'https:') url.protocol = 'wss:';
    if (url.protocol === 'http:') url.protocol = `${protocol}:`;
    if (/^ws/.test(url.protocol)) {
      url.hash = '';
      return url.href;
    }
  } catch {
    // Said below.
  }
  throw new Error(`${service} is not a URL on the page ${page}`);
}

/**
 * The absolute address of the worker script.
 *
 * @param base what a relative one is relative to
 * @param origin the page's, which a page without an address of its own has from its parent
 * @throws Error with a sentence for the app: an address that is none, or one of another origin, where the
 * browser allows no shared worker
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
      `the worker script ${url.href} is cross-origin: a shared worker must come from the origin of the page, ${origin}; serve epode-worker.js from there`,
    );
  }
  return url;
}
