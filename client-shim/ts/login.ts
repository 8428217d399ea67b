/**
 * A login with mechanisms that may run in this page: the worker relays the server's challenges to
 * them, and their responses to the server.
 */
import { Status } from './constants.ts';
import { describe, error, guarded } from './log.ts';
import * as mechanisms from './mechanisms.ts';
import type { SASLMechanism, Authenticating } from './mechanisms.ts';

/** The class of a mechanism. */
export type Mechanism = new () => SASLMechanism;

const { SASLMechanism: _base, ...nine } = mechanisms;

/** The nine mechanisms of this package. */
export const ALL: readonly Mechanism[] = Object.values(nine);

/** The mechanisms of one `connect`, used for the first login and for each redial. */
export class Login {
  /** The mechanisms whose `test` passed; those that run in this page come first. */
  readonly mechanisms: readonly SASLMechanism[];
  /** How many of {@link mechanisms} run in this page. */
  readonly own: number;
  readonly #connection: Authenticating;
  #speaking: SASLMechanism | undefined;

  constructor(mechanisms: readonly SASLMechanism[], connection: Authenticating) {
    const running = mechanisms.filter((mechanism) => mechanism.test(connection));
    const own = running.filter(livesInPage);
    this.own = own.length;
    this.mechanisms = [...own, ...running.filter((mechanism) => !livesInPage(mechanism))];
    this.#connection = connection;
  }

  /**
   * The mechanism's response to a challenge, or its initial response if `challenge` is `null`;
   * `undefined` if the mechanism waits for the server to begin. Rejected if the mechanism fails.
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

  /**
   * Tells the mechanism that ran in this page whether the server accepted it, once a status shows that.
   */
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

/** The methods of the nine mechanisms, whose exchanges the worker carries out, and their names. */
const OURS = new Set<unknown>();
for (const Mechanism of ALL) {
  const { mechname, onChallenge, clientChallenge } = new Mechanism();
  for (const known of [mechname, onChallenge, clientChallenge]) OURS.add(known);
}

/** Whether the exchange runs in this page: it is not one of the nine, or a method is the app's. */
function livesInPage({ mechname, onChallenge, clientChallenge }: SASLMechanism): boolean {
  return ![mechname, onChallenge, clientChallenge].every((known) => OURS.has(known));
}
