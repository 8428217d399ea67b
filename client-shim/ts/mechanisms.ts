/**
 * The mechanisms of SASL as an app names them in the option `mechanisms`. The exchange itself is the
 * worker's: of the nine here only name and priority travel, and whether they are in the running. A mechanism
 * of the app's own is a subclass that overrides `onChallenge` or `clientChallenge`; its exchange is relayed
 * to the page that brought it. Of one that overrides neither, nobody calls `onStart`, `onSuccess` and
 * `onFailure`.
 */

/** What a mechanism may ask of the connection that is about to authenticate. */
export interface Authenticating {
  /**
   * The identity to authenticate as: the argument of `connect`, else the node of the JID, `null` where there
   * is none.
   */
  readonly authcid: string | null;
  /** The password, keys or token, where there are any. */
  readonly pass?: unknown;
}

/** A mechanism: the base of the nine, and of an app's own. */
export class SASLMechanism<C extends Authenticating = Authenticating> {
  /** The name under which servers offer it (RFC 6120 §6.3.3, RFC 4422 §3.1). */
  readonly mechname: string;
  /** Whether the client speaks first, within `<auth/>`. */
  readonly isClientFirst: boolean;
  /** Of those that the server offers and whose {@link test} passes, the highest wins; of equals the first. */
  priority: number;

  /**
   * @param mechname as servers write it
   * @param isClientFirst whether the client speaks first
   * @param priority between 10 and 72 among the nine
   */
  constructor(mechname: string, isClientFirst: boolean, priority: number) {
    this.mechname = mechname;
    this.isClientFirst = isClientFirst;
    this.priority = priority;
  }

  /**
   * Whether the mechanism is in the running for this login; an override that returns `false` switches it off.
   * What it throws, `connect` throws.
   */
  test(_connection: C): boolean {
    return true;
  }

  /** Called before the exchange, if that is spoken in this page. */
  onStart(_connection: C): void {}

  /**
   * Answers a challenge of the server (RFC 6120 §6.4.3); both are the text before base64. What is thrown or
   * is no string fails the login, with `mechanism-failed`; so does an answer that takes more than 60 s, with
   * `mechanism-silent`.
   *
   * @throws Error unless overridden: the exchange of the nine is the worker's
   */
  onChallenge(_connection: C, _challenge?: string): string | false | Promise<string | false> {
    throw new Error(`${this.mechname} has no onChallenge in the page`);
  }

  /**
   * What the client says first (RFC 6120 §6.4.2), where it speaks first; by default what {@link onChallenge}
   * answers to no challenge.
   */
  clientChallenge(connection: C): string | false | Promise<string | false> {
    return this.onChallenge(connection);
  }

  /**
   * Called when the server has refused, before AUTHFAIL is reported; if the exchange was spoken in this page.
   */
  onFailure(): void {}

  /**
   * Called when the session is up, or waits for `bind`, before that is reported; if the exchange was spoken
   * in this page.
   */
  onSuccess(): void {}
}

/** One that needs a user name. */
class Named extends SASLMechanism {
  /** In the running when there is a user name. */
  override test({ authcid }: Authenticating): boolean {
    return authcid !== null && authcid !== undefined;
  }
}

/** One that needs a token. */
class Bearing extends SASLMechanism {
  /** In the running when there is a password, which is the token. */
  override test({ pass }: Authenticating): boolean {
    return pass !== null && pass !== undefined;
  }
}

/** SCRAM (RFC 5802) with SHA-512, priority 72. In the running when there is a user name. */
export class SASLSHA512 extends Named {
  constructor(mechname = 'SCRAM-SHA-512', isClientFirst = true, priority = 72) {
    super(mechname, isClientFirst, priority);
  }
}

/** SCRAM (RFC 5802) with SHA-384, priority 71. In the running when there is a user name. */
export class SASLSHA384 extends Named {
  constructor(mechname = 'SCRAM-SHA-384', isClientFirst = true, priority = 71) {
    super(mechname, isClientFirst, priority);
  }
}

/** SCRAM with SHA-256 (RFC 7677), priority 70. In the running when there is a user name. */
export class SASLSHA256 extends Named {
  constructor(mechname = 'SCRAM-SHA-256', isClientFirst = true, priority = 70) {
    super(mechname, isClientFirst, priority);
  }
}

/** SCRAM with SHA-1 (RFC 5802), priority 60. In the running when there is a user name. */
export class SASLSHA1 extends Named {
  constructor(mechname = 'SCRAM-SHA-1', isClientFirst = true, priority = 60) {
    super(mechname, isClientFirst, priority);
  }
}

/** PLAIN (RFC 4616): the password itself, priority 50. In the running when there is a user name. */
export class SASLPlain extends Named {
  constructor(mechname = 'PLAIN', isClientFirst = true, priority = 50) {
    super(mechname, isClientFirst, priority);
  }
}

/**
 * OAUTHBEARER (RFC 7628): the password is a token, priority 40. In the running when there is one, for a JID
 * with a node.
 */
export class SASLOAuthBearer extends Bearing {
  constructor(mechname = 'OAUTHBEARER', isClientFirst = true, priority = 40) {
    super(mechname, isClientFirst, priority);
  }
}

/**
 * X-OAUTH2, of no RFC: the password is a token, priority 30. In the running when there is one, for a JID with
 * a node.
 */
export class SASLXOAuth2 extends Bearing {
  constructor(mechname = 'X-OAUTH2', isClientFirst = true, priority = 30) {
    super(mechname, isClientFirst, priority);
  }
}

/** ANONYMOUS (RFC 4505), priority 20. In the running when there is no user name. */
export class SASLAnonymous extends SASLMechanism {
  constructor(mechname = 'ANONYMOUS', isClientFirst = false, priority = 20) {
    super(mechname, isClientFirst, priority);
  }

  /** In the running when there is no user name. */
  override test({ authcid }: Authenticating): boolean {
    return authcid === null || authcid === undefined;
  }
}

/**
 * EXTERNAL (RFC 4422, appendix A): who this is has been settled beneath, by a certificate say. Priority 10.
 * Always in the running.
 */
export class SASLExternal extends SASLMechanism {
  constructor(mechname = 'EXTERNAL', isClientFirst = true, priority = 10) {
    super(mechname, isClientFirst, priority);
  }
}
