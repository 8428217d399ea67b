/**
 * The names and numbers of the public API: what a connection reports, what the specifications call their namespaces, and
 * the conditions an app compares against. The values are Strophe's, so that a stored number or string keeps its meaning.
 */

/** What a connection reports to the callback of `connect`, `attach` and `restore`, as its first argument. */
export const Status = {
  /** Something went wrong which has no status of its own; the condition says what. */
  ERROR: 0,
  /** The connection is being made. Reported before any I/O. */
  CONNECTING: 1,
  /** The attempt failed before the session stood; the condition says why. */
  CONNFAIL: 2,
  /** The SASL exchange has begun. */
  AUTHENTICATING: 3,
  /** The server refused the credentials, or the mechanism refused the server. */
  AUTHFAIL: 4,
  /** The session stands and this tab opened it: add handlers, send presence. */
  CONNECTED: 5,
  /** The session is over, for every tab. */
  DISCONNECTED: 6,
  /** The stream is being closed. */
  DISCONNECTING: 7,
  /** The session stands and this tab joined it. */
  ATTACHED: 8,
  /** The server sent the client elsewhere; the condition is the address. DISCONNECTED follows: whether to go there is the app's to say. */
  REDIRECT: 9,
  /** The attempt took longer than its time limit; DISCONNECTED follows. */
  CONNTIMEOUT: 10,
  /** Authenticated; the app asked to call `bind()` itself (`explicitResourceBinding`). */
  BINDREQUIRED: 11,
  /** There was no session to join. */
  ATTACHFAIL: 12,
  /** The stream dropped and another is being made. */
  RECONNECTING: 13,
} as const;

/** One of the numbers of {@link Status}. */
export type Status = (typeof Status)[keyof typeof Status];

/** Conditions that the client itself reports; the server's own (RFC 6120 §4.9.3, §6.5) arrive by their names. */
export const ErrorCondition = {
  /** The peer sent what is not the XML of XMPP. */
  BAD_FORMAT: 'bad-format',
  /** Another session took this one's resource. */
  CONFLICT: 'conflict',
  /** A JID without a node part was given where the server offers no anonymous login. */
  MISSING_JID_NODE: 'x-strophe-bad-non-anon-jid',
  /** None of the mechanisms in the running is offered by the server. */
  NO_AUTH_MECH: 'no-auth-mech',
  /** A failure without a condition. */
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
export const ElementType = { NORMAL: 1, TEXT: 3, CDATA: 4, FRAGMENT: 11 } as const;

/** BOSH: a poll is overdue after this many times `wait` (XEP-0124 §8). */
export const TIMEOUT = 1.1;

/** BOSH: the second of two open polls is overdue after this many times `wait`. */
export const SECONDARY_TIMEOUT = 0.1;

const namespaces = {
  AUTH: 'jabber:iq:auth',
  BIND: 'urn:ietf:params:xml:ns:xmpp-bind',
  BOSH: 'urn:xmpp:xbosh',
  CLIENT: 'jabber:client',
  COMPONENT: 'jabber:component:accept',
  DELAY: 'urn:xmpp:delay',
  DISCO_INFO: 'http://jabber.org/protocol/disco#info',
  DISCO_ITEMS: 'http://jabber.org/protocol/disco#items',
  FRAMING: 'urn:ietf:params:xml:ns:xmpp-framing',
  HTTPBIND: 'http://jabber.org/protocol/httpbind',
  MUC: 'http://jabber.org/protocol/muc',
  PROFILE: 'jabber:iq:profile',
  ROSTER: 'jabber:iq:roster',
  SASL: 'urn:ietf:params:xml:ns:xmpp-sasl',
  SERVER: 'jabber:server',
  SESSION: 'urn:ietf:params:xml:ns:xmpp-session',
  SM: 'urn:xmpp:sm:3',
  STANZAS: 'urn:ietf:params:xml:ns:xmpp-stanzas',
  STREAM: 'http://etherx.jabber.org/streams',
  VERSION: 'jabber:iq:version',
  XHTML: 'http://www.w3.org/1999/xhtml',
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
