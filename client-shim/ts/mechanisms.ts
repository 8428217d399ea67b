/**
 * SASL mechanisms as classes, for the option `mechanisms`.
 *
 * The worker carries out the exchanges of the nine mechanisms defined here: of these classes it
 * uses the name, the priority, and the result of `test`. An app defines its own mechanism in a
 * subclass, of {@link SASLMechanism} or of one of the nine, that overrides `onChallenge` or
 * `clientChallenge`; the worker then relays the exchange to the page that connected. Only for such
 * mechanisms are `onStart`, `onSuccess` and `onFailure` called, and the methods of the nine that the
 * subclass calls with `super`.
 */
import { Exchange } from './scram.ts';

/** The properties of the connection that a mechanism may read during a login. */
export interface Authenticating {
  /**
   * The authentication identity: the argument of `connect`, else the localpart of the JID; `null`
   * if there is neither.
   */
  readonly authcid: string | null;
  /** The authorization identity: the bare JID. */
  readonly authzid?: string | null;
  /** The domain of the JID. */
  readonly domain?: string | null;
  /** The password, SCRAM keys or token given to `connect`, if any. */
  readonly pass?: unknown;
}

/**
 * The base class of the nine mechanisms and of an app's own.
 *
 * ```js
 * class Ticket extends Strophe.SASLMechanism {
 *   constructor() {
 *     super('X-TICKET', true, 80);
 *   }
 *   clientChallenge({ pass }) {
 *     return `ticket=${pass}`;
 *   }
 * }
 * new Strophe.Connection(service, { worker, mechanisms: [Ticket] });
 * ```
 */
export class SASLMechanism<C extends Authenticating = Authenticating> {
  /** The name of the mechanism as servers offer it (RFC 4422 §3.1). */
  readonly mechname: string;
  /** Whether the client sends an initial response (RFC 6120 §6.4.2). */
  readonly isClientFirst: boolean;
  /**
   * Among the mechanisms that the server offers and whose {@link test} passes, the one with the
   * highest priority is used; among equals, the first.
   */
  priority: number;

  /**
   * @param mechname the name as servers offer it
   * @param isClientFirst whether the client sends an initial response
   * @param priority the nine mechanisms have 10 to 72
   */
  constructor(mechname: string, isClientFirst: boolean, priority: number) {
    this.mechname = mechname;
    this.isClientFirst = isClientFirst;
    this.priority = priority;
  }

  /**
   * Whether the mechanism may be used for this login; to exclude it, override `test` and return
   * `false`. `connect` throws any exception of this method.
   */
  test(_connection: C): boolean {
    return true;
  }

  /** Is called before the exchange, if it runs in this page. */
  onStart(_connection: C): void {}

  /**
   * Returns the response to a challenge of the server (RFC 6120 §6.4.3); both are the text before
   * base64. If this method throws or does not return a string, the login fails with
   * `mechanism-failed`; if its promise takes more than 60 s, with `mechanism-silent`.
   *
   * @throws Error unless overridden
   */
  onChallenge(_connection: C, _challenge?: string): string | false | Promise<string | false> {
    throw new Error(`${this.mechname} has no onChallenge in the page`);
  }

  /**
   * Returns the initial response (RFC 6120 §6.4.2), if {@link isClientFirst}; by default, the
   * result of {@link onChallenge} without a challenge.
   */
  clientChallenge(connection: C): string | false | Promise<string | false> {
    return this.onChallenge(connection);
  }

  /**
   * Is called when the server has refused the login, before AUTHFAIL is reported; only if the
   * exchange ran in this page.
   */
  onFailure(): void {}

  /**
   * Is called when the session is up or waits for `bind`, before the status is reported; only if
   * the exchange ran in this page.
   */
  onSuccess(): void {}
}

/** A mechanism that needs a user name. */
class Named extends SASLMechanism {
  /** Passes if there is a user name. */
  override test({ authcid }: Authenticating): boolean {
    return authcid !== null && authcid !== undefined;
  }
}

/** A mechanism that needs a token. */
class Bearing extends SASLMechanism {
  /** Passes if there is a password, which is the token. */
  override test({ pass }: Authenticating): boolean {
    return pass !== null && pass !== undefined;
  }
}

/** SCRAM (RFC 5802); for logins with a user name. */
class Salting extends Named {
  readonly #hash: string;
  #exchange: Exchange | undefined;

  /** @param hash the hash function, by its name in WebCrypto */
  constructor(hash: string, mechname: string, isClientFirst: boolean, priority: number) {
    super(mechname, isClientFirst, priority);
    this.#hash = hash;
  }

  /** The first message of SCRAM, with this nonce or a random one. */
  override clientChallenge({ authcid }: Authenticating, nonce?: string): string {
    return (this.#exchange = new Exchange(this.#hash, authcid, nonce)).first;
  }

  /** The proof of SCRAM. Rejected if the challenge does not follow {@link clientChallenge}. */
  override async onChallenge({ pass }: Authenticating, challenge = ''): Promise<string> {
    if (!this.#exchange) throw new Error(`${this.mechname} begins with clientChallenge`);
    return this.#exchange.answer(challenge, pass);
  }
}

/** SCRAM-SHA-512 (RFC 5802), priority 72; for logins with a user name. */
export class SASLSHA512 extends Salting {
  constructor(mechname = 'SCRAM-SHA-512', isClientFirst = true, priority = 72) {
    super('SHA-512', mechname, isClientFirst, priority);
  }
}

/** SCRAM-SHA-384 (RFC 5802), priority 71; for logins with a user name. */
export class SASLSHA384 extends Salting {
  constructor(mechname = 'SCRAM-SHA-384', isClientFirst = true, priority = 71) {
    super('SHA-384', mechname, isClientFirst, priority);
  }
}

/** SCRAM-SHA-256 (RFC 7677), priority 70; for logins with a user name. */
export class SASLSHA256 extends Salting {
  constructor(mechname = 'SCRAM-SHA-256', isClientFirst = true, priority = 70) {
    super('SHA-256', mechname, isClientFirst, priority);
  }
}

/** SCRAM-SHA-1 (RFC 5802), priority 60; for logins with a user name. */
export class SASLSHA1 extends Salting {
  constructor(mechname = 'SCRAM-SHA-1', isClientFirst = true, priority = 60) {
    super('SHA-1', mechname, isClientFirst, priority);
  }
}

/** PLAIN (RFC 4616), priority 50: sends the password itself; for logins with a user name. */
export class SASLPlain extends Named {
  constructor(mechname = 'PLAIN', isClientFirst = true, priority = 50) {
    super(mechname, isClientFirst, priority);
  }

  /** The only message of PLAIN. */
  override onChallenge({ authcid, authzid, domain, pass }: Authenticating): string {
    return `${authzid === `${authcid}@${domain}` ? '' : authzid}\0${authcid}\0${String(pass)}`;
  }
}

/** OAUTHBEARER (RFC 7628), priority 40: the password is a token; for JIDs with a localpart. */
export class SASLOAuthBearer extends Bearing {
  constructor(mechname = 'OAUTHBEARER', isClientFirst = true, priority = 40) {
    super(mechname, isClientFirst, priority);
  }

  /** The message with the token; then, to the reason of a refusal, the dummy response of RFC 7628 §3.2.3. */
  override onChallenge({ authcid, authzid, pass }: Authenticating, reason?: string): string {
    if (reason) return '\x01';
    return `n,${authcid === null ? '' : `a=${authzid}`},\x01auth=Bearer ${String(pass)}\x01\x01`;
  }
}

/** X-OAUTH2 (in no RFC), priority 30: the password is a token; for JIDs with a localpart. */
export class SASLXOAuth2 extends Bearing {
  constructor(mechname = 'X-OAUTH2', isClientFirst = true, priority = 30) {
    super(mechname, isClientFirst, priority);
  }

  /** The only message of X-OAUTH2. */
  override onChallenge({ authcid, authzid, pass }: Authenticating): string {
    return `\0${authcid === null ? '' : authzid}\0${String(pass)}`;
  }
}

/** ANONYMOUS (RFC 4505), priority 20; for logins without a user name. */
export class SASLAnonymous extends SASLMechanism {
  constructor(mechname = 'ANONYMOUS', isClientFirst = false, priority = 20) {
    super(mechname, isClientFirst, priority);
  }

  /** Passes if there is no user name. */
  override test({ authcid }: Authenticating): boolean {
    return authcid === null || authcid === undefined;
  }
}

/**
 * EXTERNAL (RFC 4422, appendix A), priority 10: the identity is established outside SASL, for
 * example by a TLS client certificate. Its `test` always passes.
 */
export class SASLExternal extends SASLMechanism {
  constructor(mechname = 'EXTERNAL', isClientFirst = true, priority = 10) {
    super(mechname, isClientFirst, priority);
  }

  /** The only message of EXTERNAL: the bare JID, unless that is the user name. */
  override onChallenge({ authcid, authzid }: Authenticating): string {
    return authcid === authzid ? '' : String(authzid);
  }
}
