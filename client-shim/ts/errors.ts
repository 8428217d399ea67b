/** Why a promise of a connection was rejected: a class for each kind of failure. */
import { NS } from './constants.ts';
import * as errors from './errors.ts';

/** What every failure has in common. `message` says it in a sentence. */
export class XmppError extends Error {
  constructor(
    message: string,
    /** A word to compare, where a specification, a mechanism, the server or this library names one. */
    readonly condition: string | null = null,
    /** The stanza that says it, where there is one. */
    readonly element: Element | null = null,
  ) {
    super(message);
  }
}

/** The server or a contact answered with an error (RFC 6120 §8.3): `condition` is its defined condition. */
export class StanzaError extends XmppError {
  declare name: 'StanzaError';
  declare readonly condition: string;
  declare readonly element: Element;
  /** What to make of it: `auth`, `cancel`, `continue`, `modify` or `wait`; `null` where it does not say. */
  readonly type: string | null;
  /** What it says for people; `null` where it says nothing. */
  readonly text: string | null;

  constructor(element: Element) {
    const error = element.querySelector(':scope>error');
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

/** Nothing came in time: no answer to an IQ, or no word of the server during the login (CONNTIMEOUT). */
export class TimeoutError extends XmppError {
  declare name: 'TimeoutError';
}

/** There is no session, or it ended before there was an answer (DISCONNECTED). */
export class DisconnectedError extends XmppError {
  declare name: 'DisconnectedError';
}

/** The worker did not send this, since it breaks a rule that would end the stream for all tabs: `condition` names the rule. */
export class RefusedError extends XmppError {
  declare name: 'RefusedError';
}

/** The server, or the worker, could not be reached, or they could not agree (CONNFAIL). */
export class ConnectionError extends XmppError {
  declare name: 'ConnectionError';
}

/** The credentials were refused (AUTHFAIL). */
export class AuthenticationError extends XmppError {
  declare name: 'AuthenticationError';
}

/** The server wants to be met elsewhere (REDIRECT): `condition` is the address. */
export class RedirectError extends XmppError {
  declare name: 'RedirectError';
}

/** There is no session to attach to, or more than one (ATTACHFAIL). */
export class AttachError extends XmppError {
  declare name: 'AttachError';
}

// Minifying takes the names of classes, but not of what a module exports.
for (const [name, { prototype }] of Object.entries(errors)) prototype.name = name;
