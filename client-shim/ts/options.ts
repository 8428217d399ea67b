/** The options of a connection. Strophe's own names and defaults, where Strophe has the option. */
import type { Cookie } from './cookies.ts';
import type { SASLMechanism } from './mechanisms.ts';
import type { Protocol } from './service.ts';

/**
 * What Strophe has for BOSH. An app may leave it in: to a WebSocket it means nothing, and is not looked at.
 */
export interface BoshOptions {
  /** Whether requests are synchronous. */
  sync?: boolean;
  /** Further headers of each request. */
  customHeaders?: readonly string[] | Readonly<Record<string, string>>;
  /** Whether a session is remembered for `restore`. */
  keepalive?: boolean;
  /** Whether requests to other origins carry cookies. */
  withCredentials?: boolean;
  /** The Content-Type of requests. */
  contentType?: string;
}

/**
 * The options of `new Strophe.Connection(service, options)`. Where several tabs share a session, those of the
 * tab that opened it hold: a tab that joins it with others hears a warning in its log.
 */
export interface ConnectionOptions extends BoshOptions {
  /**
   * The address of `epode-worker.js`, on the page's origin, and relative to the page's base as other
   * addresses in it are. All pages of an origin that name the same address share one worker, and with it the
   * sessions in it. An address that does not lead to the worker ends in CONNFAIL, with a reason that says
   * why. Without this option the engine runs in the page, and each connection has a session of its own.
   */
  worker?: string | URL;
  /**
   * With `'ws'` or `'wss'`, a service address without a scheme is a WebSocket on the page's host: behind a
   * leading `/` from its root, else from the page's folder. On an https page always `wss`. Without this
   * option such an address is CONNFAIL. Other names throw an Error in the constructor.
   */
  protocol?: Protocol;
  /**
   * Cookies by name, written to `document.cookie` by the constructor: servers see them in the handshake of
   * the WebSocket. An Error is thrown where a name, a value or an attribute would break out of its cookie
   * (RFC 6265 §4.1.1), and none is written then. Where there is no document an error is logged.
   */
  cookies?: Readonly<Record<string, Cookie>>;
  /**
   * The mechanisms that may be used, as classes; by default the nine of this package. Of those that the
   * server offers the one of the highest `priority` wins; if there is none, CONNFAIL with `no-auth-mech`. One
   * that overrides `onChallenge` or `clientChallenge` is asked in this page. Over a connection that is not
   * encrypted, PLAIN and tokens are used only on loopback or where this option names them, else CONNFAIL with
   * `plaintext-refused`.
   */
  mechanisms?: readonly (new () => SASLMechanism)[];
  /**
   * Whether a login stops before it binds a resource (RFC 6120 §7): all tabs of the session, those that join
   * meanwhile too, hear BINDREQUIRED, and the first `bind()` of any of them binds. A tab without this option
   * that joins has it bound at once. Nobody is asked when a connection that was lost is dialled again.
   * Default `false`.
   */
  explicitResourceBinding?: boolean;
  /**
   * Names the session of an anonymous login: pages with the same key share it. By default there is one for
   * each service and domain.
   */
  sessionKey?: string;
  /**
   * Whether the worker dials again when the connection is lost: within a second, then later and later up to a
   * minute, not while the browser is offline, and not after an error that would come again. Default `true`.
   * With `false`, all tabs hear DISCONNECTED.
   */
  reconnect?: boolean;
  /**
   * Whether other tabs may join the session without credentials, by `attach` or when a worker has died. With
   * `false` each needs `connect` and credentials, a page that reloads too; `attach` is ATTACHFAIL with
   * `credentials-required`. A login that needs none, such as ANONYMOUS, is open to every `connect` all the
   * same. Default `true`.
   */
  attach?: boolean;
  /**
   * How long what arrives for a tab that reloads is kept for it, in milliseconds; `0` keeps nothing. Default
   * 10,000.
   */
  reloadGrace?: number;
  /**
   * How much may wait for a tab that is slow or frozen, before the oldest messages and presences are given up
   * (`onGap`). Answers and requests never are.
   */
  queue?: {
    /** How many stanzas. Default 10,000. */
    stanzas?: number;
    /** How many bytes of them. Default 16,777,216. */
    bytes?: number;
  };
}
