/**
 * The names and numbers of the public API: what a connection reports, what the specifications call their
 * namespaces, and the conditions an app compares against. The values are Strophe's, so that a stored number
 * or string keeps its meaning.
 */

/** What a connection reports to the callback of `connect`, `attach` and `restore`, as its first argument. */
export const Status = {
  /** A session that was up broke, and the condition says over what; DISCONNECTED follows. */
  ERROR: 0,
  /** The connection is being made. Reported before `connect` returns. */
  CONNECTING: 1,
  /** The attempt failed before a credential was refused; the condition says why. DISCONNECTED follows. */
  CONNFAIL: 2,
  /** The SASL exchange has begun (RFC 6120 §6). Of a later dial nobody hears it. */
  AUTHENTICATING: 3,
  /** The server refused the credentials, or the mechanism refused the server. DISCONNECTED follows. */
  AUTHFAIL: 4,
  /** The session is up, and this tab opened it or was there when it was lost: add handlers, send presence. */
  CONNECTED: 5,
  /** The session is over, for every tab; or this tab's attempt to join it is. */
  DISCONNECTED: 6,
  /** The stream is being closed, since a tab called `disconnect`. DISCONNECTED follows. */
  DISCONNECTING: 7,
  /** The session is up, and this tab joined it: add handlers, send presence. */
  ATTACHED: 8,
  /**
   * The server sent the client elsewhere; the condition is the address. DISCONNECTED follows: whether to go
   * there is the app's to say.
   */
  REDIRECT: 9,
  /**
   * The server was silent for 20 s at a step of the login, or did not close the stream within
   * `disconnection_timeout`. DISCONNECTED follows.
   */
  CONNTIMEOUT: 10,
  /** Authenticated; the app asked to call `bind()` itself (`explicitResourceBinding`). */
  BINDREQUIRED: 11,
  /** `attach` found no session to join, or more than one, or one whose login failed. */
  ATTACHFAIL: 12,
  /**
   * The connection or the worker was lost, or the page comes back from the back/forward cache. CONNECTED or
   * ATTACHED follows.
   */
  RECONNECTING: 13,
} as const;

/** One of the numbers of {@link Status}. */
export type Status = (typeof Status)[keyof typeof Status];

/**
 * Strophe's names for some conditions: what the second argument of a status callback may be compared with.
 */
export const ErrorCondition = {
  /** A stream error: what the client sent is not well-formed (RFC 6120 §4.9.3.1). */
  BAD_FORMAT: 'bad-format',
  /** A stream error: another session took this one's resource (RFC 6120 §4.9.3.3). */
  CONFLICT: 'conflict',
  /**
   * Never reported here: a JID without a node, where the server offers no anonymous login, is `no-auth-mech`.
   */
  MISSING_JID_NODE: 'x-strophe-bad-non-anon-jid',
  /** The server offers none of the mechanisms that are allowed and fit the credentials. */
  NO_AUTH_MECH: 'no-auth-mech',
  /** Never reported here: where there is no condition, the reason stands in its place. */
  UNKNOWN_REASON: 'unknown',
} as const;

/** How grave a line of the log is, rising. */
export const LogLevel = {
  /** For the debugging of the library itself. */
  DEBUG: 0,
  /** What happened, in the ordinary course. */
  INFO: 1,
  /** What may become a problem, such as a transport that failed once. */
  WARN: 2,
  /** What did not work. */
  ERROR: 3,
  /** What cannot be recovered from. */
  FATAL: 4,
} as const;

/** One of the numbers of {@link LogLevel}. */
export type LogLevel = (typeof LogLevel)[keyof typeof LogLevel];

/** The `nodeType` numbers of DOM that stanzas are made of. */
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

/** BOSH: a poll is overdue after this many times `wait` (XEP-0124 §8). */
export const TIMEOUT = 1.1;

/** BOSH: the second of two open polls is overdue after this many times `wait`. */
export const SECONDARY_TIMEOUT = 0.1;

const namespaces = {
  /** Login before SASL (XEP-0078). */
  AUTH: 'jabber:iq:auth',
  /** Resource binding (RFC 6120 §7). */
  BIND: 'urn:ietf:params:xml:ns:xmpp-bind',
  /** XMPP over BOSH (XEP-0206). */
  BOSH: 'urn:xmpp:xbosh',
  /** Stanzas between a client and its server (RFC 6120 §4.8.3). */
  CLIENT: 'jabber:client',
  /** Stanzas of a component that the server accepts (XEP-0114). */
  COMPONENT: 'jabber:component:accept',
  /** When a delayed stanza was sent (XEP-0203). */
  DELAY: 'urn:xmpp:delay',
  /** What an entity is and can do (XEP-0030). */
  DISCO_INFO: 'http://jabber.org/protocol/disco#info',
  /** What belongs to an entity (XEP-0030). */
  DISCO_ITEMS: 'http://jabber.org/protocol/disco#items',
  /** `<open/>` and `<close/>` over WebSocket (RFC 7395 §3.3). */
  FRAMING: 'urn:ietf:params:xml:ns:xmpp-framing',
  /** The `<body/>` of BOSH (XEP-0124). */
  HTTPBIND: 'http://jabber.org/protocol/httpbind',
  /** Group chat (XEP-0045). */
  MUC: 'http://jabber.org/protocol/muc',
  /** Profiles of users, never specified; in Strophe, and so here. */
  PROFILE: 'jabber:iq:profile',
  /** The contact list (RFC 6121 §2). */
  ROSTER: 'jabber:iq:roster',
  /** Authentication (RFC 6120 §6). */
  SASL: 'urn:ietf:params:xml:ns:xmpp-sasl',
  /** Stanzas between servers (RFC 6120 §4.8.3). */
  SERVER: 'jabber:server',
  /** The session of RFC 3921 §3, which servers of today do not need. */
  SESSION: 'urn:ietf:params:xml:ns:xmpp-session',
  /** Stream management (XEP-0198). */
  SM: 'urn:xmpp:sm:3',
  /** The conditions of stanza errors (RFC 6120 §8.3). */
  STANZAS: 'urn:ietf:params:xml:ns:xmpp-stanzas',
  /** The stream itself (RFC 6120 §4.8.1). */
  STREAM: 'http://etherx.jabber.org/streams',
  /** Which software an entity runs (XEP-0092). */
  VERSION: 'jabber:iq:version',
  /** XHTML. */
  XHTML: 'http://www.w3.org/1999/xhtml',
  /** Formatted messages (XEP-0071). */
  XHTML_IM: 'http://jabber.org/protocol/xhtml-im',
} as const;

/** The namespaces of the RFCs and of some extensions by short names; {@link addNamespace} adds to them. */
export const NS: typeof namespaces & Record<string, string> = { ...namespaces };

/**
 * Makes `value` known as `NS[name]`, for this page.
 *
 * @param name such as `'CARBONS'`; an existing one is replaced
 * @param value the namespace, such as `'urn:xmpp:carbons:2'`
 */
export function addNamespace(name: string, value: string): void {
  (NS as Record<string, string>)[name] = value;
}
