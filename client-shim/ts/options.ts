/** The options of a connection, with Strophe's names and defaults for those that Strophe has. */
import type { Cookie } from './cookies.ts';
import type { SASLMechanism } from './mechanisms.ts';
import type { Protocol } from './service.ts';

/**
 * Strophe's options for BOSH; on a WebSocket they have no effect. Each may be assigned at any time, and
 * counts from the next request on. With a worker, a value that a tab assigns counts for the session, in all
 * tabs.
 */
export interface BoshOptions {
  /**
   * Whether a request that carries something is synchronous: `flush` then returns after the answer has come,
   * which a server may hold back for `wait` seconds. Only without a worker, where no other tab has to wait;
   * with one, a warning is logged. Default `false`.
   */
  sync?: boolean;
  /**
   * Additional headers of each request, as `"Name: value"` or as a map. A name or a value that HTTP does not
   * allow is CONNFAIL; a header that browsers let no page set is left out, and the log names it. To another
   * origin, the server has to allow each name (CORS).
   */
  customHeaders?: readonly string[] | Readonly<Record<string, string>>;
  /**
   * Whether this page keeps the session, in Strophe's own entry of `sessionStorage`, for `restore` in the
   * page after it. Whoever reads `sessionStorage` can take the session. When the last tab leaves, the session
   * is not ended. Default `false`.
   */
  keepalive?: boolean;
  /** Whether requests to other origins carry cookies and HTTP authentication. Default `false`. */
  withCredentials?: boolean;
  /** The Content-Type of requests. Default `text/xml; charset=utf-8`. */
  contentType?: string;
}

/**
 * The options of `new Strophe.Connection(service, options)`. If several tabs share a session, the
 * options of the tab that opened the session apply; a tab that joins with other options gets a
 * warning in its log.
 */
export interface ConnectionOptions extends BoshOptions {
  /**
   * The address of a copy of `epode-worker.inline.js`, relative to the page's base URL, on the
   * page's origin. All pages of an origin that use the same address share one worker and its
   * sessions. A wrong address ends in CONNFAIL with the reason. Without this option the engine runs
   * in the page, and each connection has its own session.
   */
  worker?: string | URL;
  /**
   * `'ws'` or `'wss'` allows a service address without a scheme: a WebSocket on the page's host,
   * relative to the page's folder, or to the root if the address begins with `/`. On an https page
   * the protocol is always `wss`. Without this option such an address is BOSH. Any other value makes the
   * constructor throw.
   */
  protocol?: Protocol;
  /**
   * Cookies by name, which the constructor writes to `document.cookie` for the WebSocket handshake and for
   * the requests of BOSH. If a name, a value or an attribute contains a forbidden character (RFC 6265
   * §4.1.1), the constructor throws an Error and writes no cookie. If there is no document, an error is
   * logged.
   */
  cookies?: Readonly<Record<string, Cookie>>;
  /**
   * The SASL mechanisms that may be used, as classes; by default the nine of this package. Among
   * those that the server offers, the one with the highest `priority` is used; if there is none,
   * the status is CONNFAIL with `no-auth-mech`. A mechanism that overrides `onChallenge` or
   * `clientChallenge` runs in this page.
   *
   * Over an unencrypted connection, PLAIN and token mechanisms are used only on loopback or if this
   * option names them; otherwise the status is CONNFAIL with `plaintext-refused`.
   */
  mechanisms?: readonly (new () => SASLMechanism)[];
  /**
   * Whether a login waits for `bind()` before it binds a resource (RFC 6120 §7). All tabs of the
   * session report BINDREQUIRED, and the first `bind()` in any tab binds. A tab without this option
   * that joins meanwhile makes the worker bind at once. Redials bind without asking. Default
   * `false`.
   */
  explicitResourceBinding?: boolean;
  /**
   * Identifies the session of an anonymous login: pages with the same key share it. By default the
   * pages share one session for each service and domain.
   */
  sessionKey?: string;
  /**
   * Whether the worker dials again when the connection is lost: first within 8.5 s, then with
   * increasing delays of up to a minute (5 min if the server repeats the same error), once a minute
   * while the browser is offline, and not after an error that is permanent. With `false`, all tabs report
   * DISCONNECTED instead, for an app that connects again by itself, and no tab with `false` ever reports
   * RECONNECTING; the next `connect` resumes the session if the server still keeps it. Default `true`, and
   * `false` with `epode/strophe` ({@link Connection.defaults}).
   */
  reconnect?: boolean;
  /**
   * Whether other tabs may join the session without credentials: by `attach`, or after the death of
   * a worker. With `false`, every tab needs `connect` with credentials, also after a reload, and
   * `attach` is ATTACHFAIL with `credentials-required`. A login that needs no credentials, such as
   * ANONYMOUS, can always be joined by `connect`. Default `true`.
   */
  attach?: boolean;
  /**
   * Whether the server is asked to acknowledge stanzas, and to keep a session whose connection is lost
   * (XEP-0198); over BOSH, requests do that already. Default `true`.
   */
  enableStreamManagement?: boolean;
  /** How streams are managed. */
  streamManagement?: {
    /** After how many stanzas the server is asked to acknowledge them; 0 for never. Default 5. */
    maxUnacked?: number;
    /** Whether a session whose connection is lost is resumed. Default `true`. */
    requestResume?: boolean;
    /** For how many seconds the server is asked to keep such a session. By default the server chooses. */
    max?: number;
    /** Strophe's store of the page, which is not used: the worker keeps what it needs. A warning says so. */
    storage?: unknown;
  };
  /**
   * How many milliseconds the worker keeps incoming stanzas for a tab that reloads; 0 keeps none.
   * Default 10,000.
   */
  reloadGrace?: number;
  /**
   * How much may wait in the worker for a slow or frozen tab. Beyond that the oldest messages and
   * presences are dropped (`onGap`); answers and requests never are.
   */
  queue?: {
    /** The number of stanzas. Default 10,000. */
    stanzas?: number;
    /** Their size in bytes. Default 16,777,216. */
    bytes?: number;
  };
}

/** What holds where an app does not give an option. */
export interface Defaults {
  /** The option `reconnect`. */
  reconnect: boolean;
}

/** For all connections of this page. */
export const defaults: Defaults = { reconnect: true };

/** Whether the worker is to dial again when the connection is lost; else the app does. */
export function redials({ reconnect }: ConnectionOptions): boolean {
  return !!(reconnect ?? defaults.reconnect);
}
