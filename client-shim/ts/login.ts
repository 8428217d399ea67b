/**
 * A login some of whose mechanisms live in this page: the worker relays to them what the server says, and
 * they answer.
 */
import { Status } from './constants.ts';
import { describe, error, guarded } from './log.ts';
import * as mechanisms from './mechanisms.ts';
import { SASLMechanism, type Authenticating } from './mechanisms.ts';

/** A mechanism as apps give it. */
export type Mechanism = new () => SASLMechanism;

const { SASLMechanism: _base, ...nine } = mechanisms;

/** The nine that come with this package. */
export const ALL: readonly Mechanism[] = Object.values(nine);

/** One login, which may be repeated when the connection is lost. */
export class Login {
  /** The mechanisms that are in the running: first those that live in this page. */
  readonly mechanisms: readonly SASLMechanism[];
  /** How many do. */
  readonly own: number;
  readonly #connection: Authenticating;
  #speaking: SASLMechanism | undefined;

  /** @param classes of several mechanisms of one name the last counts */
  constructor(classes: readonly Mechanism[], connection: Authenticating) {
    const named = new Map(
      classes.map((Mechanism) => new Mechanism()).map((mechanism) => [mechanism.mechname, mechanism]),
    );
    const running = [...named.values()].filter((mechanism) => mechanism.test(connection));
    const own = running.filter(livesInPage);
    this.own = own.length;
    this.mechanisms = [...own, ...running.filter((mechanism) => !livesInPage(mechanism))];
    this.#connection = connection;
  }

  /**
   * What a mechanism says, to begin with or to a challenge; nothing where it leaves the first word to the
   * server. Rejects when it fails.
   */
  async answer(name: string, challenge: string | null): Promise<string | undefined> {
    let said: unknown;
    try {
      const isFirst = challenge === null;
      if (isFirst) this.#speaking = this.mechanisms.find(({ mechname }) => mechname === name);
      const mechanism = this.#speaking!;
      if (isFirst) mechanism.onStart(this.#connection);
      if (isFirst && !mechanism.isClientFirst) return undefined;
      said = await (isFirst
        ? mechanism.clientChallenge(this.#connection)
        : mechanism.onChallenge(this.#connection, challenge));
    } catch (thrown) {
      error(`the mechanism ${name} failed: ${describe(thrown)}`);
      throw thrown;
    }
    if (typeof said === 'string') return said;
    error(`the mechanism ${name} did not answer with a string`);
    throw said;
  }

  /** The session has got this far: whether the server took what the mechanism said. */
  reached(status: Status): void {
    const mechanism = this.#speaking;
    const accepted =
      status === Status.CONNECTED || status === Status.ATTACHED || status === Status.BINDREQUIRED;
    if (!mechanism || !(accepted || status === Status.AUTHFAIL)) return;
    this.#speaking = undefined;
    guarded(
      () => (accepted ? mechanism.onSuccess() : mechanism.onFailure()),
      `the mechanism ${mechanism.mechname}`,
    );
  }
}

/** Whether the exchange is the page's own: the mechanism overrides `onChallenge` or `clientChallenge`. */
function livesInPage(mechanism: SASLMechanism): boolean {
  const { onChallenge, clientChallenge } = SASLMechanism.prototype;
  return mechanism.onChallenge !== onChallenge || mechanism.clientChallenge !== clientChallenge;
}
