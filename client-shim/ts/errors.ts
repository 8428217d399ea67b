/** The errors with which a connection's promises are rejected: a class for each kind of failure. */
import { NS } from './constants.ts';
import * as errors from './errors.ts';

/** The base class of all failures. `message` is a sentence. */
export class XmppError extends Error {
  /** The name of the class, also if the script is minified. */
  declare name: string;

  /** @param message the reason in a sentence, for people */
  constructor(
    message: string,
    /**
     * The error condition, to be compared, if a specification, a mechanism, the server or this
     * library names one; else `null`.
     */
    readonly condition: string | null = null,
    /** The stanza that reports the error, if any. */
    readonly element: Element | null = null,
  ) {
    super(message);
  }
}

/**
 * `iq` is rejected with this error if the server or a contact answers with an error (RFC 6120
 * §8.3).
 */
export class StanzaError extends XmppError {
  declare name: 'StanzaError';
  /**
   * The defined condition (RFC 6120 §8.3.3), for example `item-not-found`; `undefined-condition` if
   * the answer has none.
   */
  declare readonly condition: string;
  /** The answer: a stanza of type `error`. */
  declare readonly element: Element;
  /**
   * The error type (RFC 6120 §8.3.2): `auth`, `cancel`, `continue`, `modify` or `wait`; `null` if
   * absent.
   */
  readonly type: string | null;
  /** The text for people (RFC 6120 §8.3.4); `null` if absent. */
  readonly text: string | null;

  /** @param element a stanza of type `error` */
  constructor(element: Element) {
    const error = [...element.children].find(
      ({ localName, namespaceURI }) => localName === 'error' && namespaceURI === element.namespaceURI,
    );
    let condition = 'undefined-condition';
    let text: string | null = null;
    for (const { namespaceURI, localName, textContent } of error?.children ?? []) {
      if (namespaceURI !== NS.STANZAS) continue;
      if (localName === 'text') text = textContent;
      else condition = localName;
    }
    super(text ? `${condition}: ${text}` : condition, condition, element);
    this.type = error?.getAttribute('type') ?? null;
    this.text = text;
  }
}

/**
 * A time limit passed: no answer within the `timeout` of `iq`; or CONNTIMEOUT, when the server was
 * silent for 20 s during the login or did not close the stream within `disconnection_timeout`.
 */
export class TimeoutError extends XmppError {
  declare name: 'TimeoutError';
}

/**
 * There is no session, or the session ended before the answer came (DISCONNECTED). `condition` is
 * `not-connected`, or the reason for the end.
 */
export class DisconnectedError extends XmppError {
  declare name: 'DisconnectedError';
}

/**
 * The worker did not send a stanza, since it breaks a rule whose breach would end the stream for
 * all tabs. `condition` names the rule: a stream error of RFC 6120 §4.9.3 (`not-well-formed`,
 * `restricted-xml`, `invalid-from`, `policy-violation`, …); `not-a-request` for anything but an IQ
 * of type `get` or `set`; `invalid-iq-type`; or `too-many` if 1,000 requests of this tab are
 * waiting. `element` is an error stanza (RFC 6120 §8.3) with the same content.
 */
export class RefusedError extends XmppError {
  declare name: 'RefusedError';
}

/**
 * The worker or the server is unreachable, or they found no common protocol (CONNFAIL): see
 * `message`.
 */
export class ConnectionError extends XmppError {
  declare name: 'ConnectionError';
}

/**
 * The credentials were refused (AUTHFAIL). `condition` is the server's SASL error (RFC 6120 §6.5),
 * for example `not-authorized`, or names a rule of the mechanism.
 */
export class AuthenticationError extends XmppError {
  declare name: 'AuthenticationError';
}

/** The server redirects the client to another address, which is `condition` (REDIRECT). */
export class RedirectError extends XmppError {
  declare name: 'RedirectError';
}

/** `attach` found no session, several sessions, or a session whose login failed (ATTACHFAIL). */
export class AttachError extends XmppError {
  declare name: 'AttachError';
}

// A minifier renames classes, but not the exports of a module.
for (const [name, { prototype }] of Object.entries(errors)) prototype.name = name;
