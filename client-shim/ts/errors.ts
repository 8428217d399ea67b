/** Why a promise of a connection was rejected: a class for each kind of failure. */
import { NS } from './constants.ts';
import * as errors from './errors.ts';

/** What every failure has in common. `message` says it in a sentence. */
export class XmppError extends Error {
  /** The name of the class, also where the script is minified. */
  declare name: string;

  /** @param message the reason in a sentence, for people */
  constructor(
    message: string,
    /**
     * A word to compare, where a specification, a mechanism, the server or this library names one; else
     * `null`.
     */
    readonly condition: string | null = null,
    /** The stanza that says it; `null` where there is none. */
    readonly element: Element | null = null,
  ) {
    super(message);
  }
}

/** The server or a contact answered with an error (RFC 6120 §8.3): `iq` is rejected with it. */
export class StanzaError extends XmppError {
  declare name: 'StanzaError';
  /**
   * The defined condition (RFC 6120 §8.3.3), such as `item-not-found`; `undefined-condition` where it names
   * none.
   */
  declare readonly condition: string;
  /** The answer, a stanza of type `error`. */
  declare readonly element: Element;
  /**
   * What to make of it (RFC 6120 §8.3.2): `auth`, `cancel`, `continue`, `modify` or `wait`; `null` where it
   * does not say.
   */
  readonly type: string | null;
  /** What it says for people; `null` where it says nothing. */
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
 * Nothing came in time: no answer within the `timeout` of `iq`, no word of the server for 20 s during the
 * login, or no close of the stream within `disconnection_timeout` (CONNTIMEOUT).
 */
export class TimeoutError extends XmppError {
  declare name: 'TimeoutError';
}

/**
 * There is no session, or it ended before there was an answer (DISCONNECTED): `condition` is `not-connected`,
 * or says why it ended.
 */
export class DisconnectedError extends XmppError {
  declare name: 'DisconnectedError';
}

/**
 * The worker did not send this, since it breaks a rule that would end the stream for all tabs: `condition`
 * names the rule. It is a stream error of RFC 6120 §4.9.3 (`not-well-formed`, `restricted-xml`,
 * `invalid-from`, `policy-violation`, …), or `not-a-request` for what is no IQ of type `get` or `set`,
 * `invalid-iq-type`, or `too-many` where 1,000 requests of this tab wait already. `element` is an error (RFC
 * 6120 §8.3) that says the same.
 */
export class RefusedError extends XmppError {
  declare name: 'RefusedError';
}

/**
 * The server, or the worker, could not be reached, or they could not agree (CONNFAIL): `message` says which.
 */
export class ConnectionError extends XmppError {
  declare name: 'ConnectionError';
}

/**
 * The credentials were refused (AUTHFAIL): `condition` is the server's (RFC 6120 §6.5), such as
 * `not-authorized`, or names a rule of the mechanism.
 */
export class AuthenticationError extends XmppError {
  declare name: 'AuthenticationError';
}

/** The server wants to be met elsewhere (REDIRECT): `condition` is the address. */
export class RedirectError extends XmppError {
  declare name: 'RedirectError';
}

/** There is no session to attach to, or more than one, or its login failed (ATTACHFAIL). */
export class AttachError extends XmppError {
  declare name: 'AttachError';
}

// Minifying takes the names of classes, but not of what a module exports.
for (const [name, { prototype }] of Object.entries(errors)) prototype.name = name;
