/**
 * The constants of the public API: statuses, namespaces and error conditions. Their values are
 * Strophe's, so that values stored by an app keep their meaning.
 */

/** The first argument of the callback of `connect` and `attach`. */
export const Status = {
  /** The session broke; the condition says why. DISCONNECTED follows. */
  ERROR: 0,
  /** The connection is being made. Reported before `connect` returns. */
  CONNECTING: 1,
  /**
   * The attempt failed, though no credentials were refused; the condition says why. DISCONNECTED
   * follows.
   */
  CONNFAIL: 2,
  /** The SASL exchange has begun (RFC 6120 §6). Not reported when the worker dials again. */
  AUTHENTICATING: 3,
  /**
   * The server refused the credentials, or failed to prove its own identity. DISCONNECTED follows.
   */
  AUTHFAIL: 4,
  /** The session is up, and this tab opened it or was in it before: add handlers, send presence. */
  CONNECTED: 5,
  /** The session is over for every tab; or this tab's attempt to join is. */
  DISCONNECTED: 6,
  /** The stream is being closed, since a tab called `disconnect`. DISCONNECTED follows. */
  DISCONNECTING: 7,
  /** The session is up, and this tab joined it: add handlers, send presence. */
  ATTACHED: 8,
  /**
   * The server redirects the client; the condition is the address. DISCONNECTED follows: the app
   * decides whether to connect there.
   */
  REDIRECT: 9,
  /**
   * The server was silent for 20 s in a step of the login, or did not close the stream within
   * `disconnection_timeout`. DISCONNECTED follows.
   */
  CONNTIMEOUT: 10,
  /** The login waits for `bind()` (option `explicitResourceBinding`). */
  BINDREQUIRED: 11,
  /** `attach` found no session, several sessions, or a session whose login failed. */
  ATTACHFAIL: 12,
  /**
   * The connection or the worker was lost, or the page was restored from the back/forward cache.
   * CONNECTED or ATTACHED follows.
   */
  RECONNECTING: 13,
} as const;

/** A number in {@link Status}. */
export type Status = (typeof Status)[keyof typeof Status];

/**
 * Strophe's names of some conditions, to be compared with the second argument of a status callback.
 */
export const ErrorCondition = {
  /** Stream error: the client's XML cannot be processed (RFC 6120 §4.9.3.1). */
  BAD_FORMAT: 'bad-format',
  /** Stream error: another session took over the resource (RFC 6120 §4.9.3.3). */
  CONFLICT: 'conflict',
  /**
   * Never reported here: a JID without a localpart, where the server offers no anonymous login, is
   * `no-auth-mech`.
   */
  MISSING_JID_NODE: 'x-strophe-bad-non-anon-jid',
  /** The server offers none of the mechanisms that are allowed and fit the credentials. */
  NO_AUTH_MECH: 'no-auth-mech',
  /** Never reported here: if there is no condition, the callback gets the reason instead. */
  UNKNOWN_REASON: 'unknown',
} as const;

/** The severity of a line of the log, in rising order. */
export const LogLevel = {
  /** Details for debugging this library. */
  DEBUG: 0,
  /** Ordinary events. */
  INFO: 1,
  /** A possible problem, for example a transport that failed once. */
  WARN: 2,
  /** A failure. */
  ERROR: 3,
  /** A failure from which the library cannot recover. */
  FATAL: 4,
} as const;

/** A number in {@link LogLevel}. */
export type LogLevel = (typeof LogLevel)[keyof typeof LogLevel];

/** The values of `Node.nodeType` that occur in stanzas. */
export const ElementType = {
  /** An element. */
  NORMAL: 1,
  /** Text. */
  TEXT: 3,
  /** A CDATA section. */
  CDATA: 4,
  /** A document fragment. */
  FRAGMENT: 11,
} as const;

/** BOSH: a poll is overdue after `wait` times this factor (XEP-0124 §8). */
export const TIMEOUT = 1.1;

/** BOSH: the second of two open polls is overdue after `wait` times this factor. */
export const SECONDARY_TIMEOUT = 0.1;

const namespaces = {
  /** Authentication before SASL (XEP-0078). */
  AUTH: 'jabber:iq:auth',
  /** Resource binding (RFC 6120 §7). */
  BIND: 'urn:ietf:params:xml:ns:xmpp-bind',
  /** XMPP over BOSH (XEP-0206). */
  BOSH: 'urn:xmpp:xbosh',
  /** Stanzas between a client and its server (RFC 6120 §4.8.3). */
  CLIENT: 'jabber:client',
  /** Stanzas between a component and its server (XEP-0114). */
  COMPONENT: 'jabber:component:accept',
  /** The time at which a delayed stanza was sent (XEP-0203). */
  DELAY: 'urn:xmpp:delay',
  /** Identity and features of an entity (XEP-0030). */
  DISCO_INFO: 'http://jabber.org/protocol/disco#info',
  /** The items of an entity (XEP-0030). */
  DISCO_ITEMS: 'http://jabber.org/protocol/disco#items',
  /** `<open/>` and `<close/>` over WebSocket (RFC 7395 §3.3). */
  FRAMING: 'urn:ietf:params:xml:ns:xmpp-framing',
  /** The `<body/>` of BOSH (XEP-0124). */
  HTTPBIND: 'http://jabber.org/protocol/httpbind',
  /** Group chat (XEP-0045). */
  MUC: 'http://jabber.org/protocol/muc',
  /** User profiles; never specified, kept because Strophe has the name. */
  PROFILE: 'jabber:iq:profile',
  /** The contact list (RFC 6121 §2). */
  ROSTER: 'jabber:iq:roster',
  /** Authentication (RFC 6120 §6). */
  SASL: 'urn:ietf:params:xml:ns:xmpp-sasl',
  /** Stanzas between servers (RFC 6120 §4.8.3). */
  SERVER: 'jabber:server',
  /** The session of RFC 3921 §3, which RFC 6121 no longer requires. */
  SESSION: 'urn:ietf:params:xml:ns:xmpp-session',
  /** Stream management (XEP-0198). */
  SM: 'urn:xmpp:sm:3',
  /** The conditions of stanza errors (RFC 6120 §8.3). */
  STANZAS: 'urn:ietf:params:xml:ns:xmpp-stanzas',
  /** The stream itself (RFC 6120 §4.8.1). */
  STREAM: 'http://etherx.jabber.org/streams',
  /** The software that an entity runs (XEP-0092). */
  VERSION: 'jabber:iq:version',
  /** XHTML. */
  XHTML: 'http://www.w3.org/1999/xhtml',
  /** Formatted messages (XEP-0071). */
  XHTML_IM: 'http://jabber.org/protocol/xhtml-im',
} as const;

/** Namespaces by short names, for example `NS.ROSTER`; {@link addNamespace} adds more. */
export const NS: typeof namespaces & Record<string, string> = { ...namespaces };

/**
 * Adds `NS[name] = value`, for this page.
 *
 * @param name for example `'CARBONS'`; an existing name is replaced
 * @param value the namespace, for example `'urn:xmpp:carbons:2'`
 */
export function addNamespace(name: string, value: string): void {
  (NS as Record<string, string>)[name] = value;
}
