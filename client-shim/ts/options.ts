/** The options of a connection. Strophe's own names and defaults, where Strophe has the option. */
import type { Cookie } from './cookies.ts';
import type { SASLMechanism } from './mechanisms.ts';
import type { Protocol } from './service.ts';

/** The options of `new Strophe.Connection(service, options)`. */
export interface ConnectionOptions {
  /**
   * The address of `epode-worker.js`, on the page's origin. All pages of an origin that name the same address share one worker,
   * and with it the sessions in it. An address that does not lead to the worker ends in CONNFAIL, with a reason that says why. Without
   * this option the engine runs in the page, and each connection has a session of its own.
   */
  worker?: string | URL;
  /**
   * With `'ws'` or `'wss'`, a service address without a scheme is a WebSocket on the page's host: behind a leading `/` from its root, else from
   * the page's folder. On an https page always `wss`. Other names throw.
   */
  protocol?: Protocol;
  /**
   * Cookies by name, written to `document.cookie` by the constructor: servers see them in the handshake of the WebSocket. An Error is thrown
   * where a name, a value or an attribute would break out of its cookie, and none is written then.
   */
  cookies?: Readonly<Record<string, Cookie>>;
  /**
   * The mechanisms that may be used, as classes; by default all. Of those that the server offers the one of the highest `priority` wins. One
   * that overrides `onChallenge` or `clientChallenge` is asked in this page.
   */
  mechanisms?: readonly (new () => SASLMechanism)[];
  /**
   * Whether a login stops before it binds a resource: all tabs of the session, those that join meanwhile too, hear BINDREQUIRED, and the first
   * `bind()` of any of them binds. A tab without this option that joins has it bound at once. Default `false`. What is dialled again, or joined
   * later, is not waited for.
   */
  explicitResourceBinding?: boolean;
  /** Names the session of an anonymous login: pages with the same key share it. */
  sessionKey?: string;
  /** Whether the worker dials again when the connection is lost; default `true`. With `false`, all tabs hear DISCONNECTED. */
  reconnect?: boolean;
  /** How long what arrives for a tab that reloads is kept for it, in milliseconds; default 10,000. */
  reloadGrace?: number;
  /** How much may wait for a tab that is slow or frozen, before the oldest is given up (`onGap`); default 10,000 stanzas and 16 MB. */
  queue?: { stanzas?: number; bytes?: number };
}
