/** The promise that is `Connection.ready`. */
import { Status } from './constants.ts';
import {
  AttachError,
  AuthenticationError,
  ConnectionError,
  DisconnectedError,
  RedirectError,
  TimeoutError,
  type XmppError,
} from './errors.ts';

/** The class of the error that a status stands for. */
const FAILURES: Partial<Record<Status, typeof XmppError>> = {
  [Status.CONNFAIL]: ConnectionError,
  [Status.AUTHFAIL]: AuthenticationError,
  [Status.DISCONNECTED]: DisconnectedError,
  [Status.REDIRECT]: RedirectError,
  [Status.CONNTIMEOUT]: TimeoutError,
  [Status.ATTACHFAIL]: AttachError,
};

/** The error that says what this status does; `undefined` if nothing has failed. */
export function failureOf(
  status: Status,
  reason: string | null,
  condition: string | null,
): XmppError | undefined {
  const Failure = FAILURES[status];
  return Failure && new Failure(reason ?? 'the session is over', condition);
}

/**
 * A promise of the session: settled when the session is up or the attempt is over, and replaced for
 * the next attempt.
 */
export class Ready<T> {
  promise!: Promise<T>;
  #resolve!: (session: T) => void;
  #reject!: (failure: XmppError) => void;
  #settled = true;
  /**
   * The reason for the failure, from the first status that reports a failure until the attempt is over.
   */
  #failure: XmppError | undefined;

  constructor() {
    this.renew();
  }

  /** Fulfils the promise: the session is up. */
  up(session: T): void {
    this.renew();
    this.#settled = true;
    this.#resolve(session);
  }

  /**
   * Notes a status, and rejects the promise if the attempt is over. An earlier rejection would let
   * the app try again before DISCONNECTED was reported.
   */
  note(status: Status, reason: string | null, condition: string | null): void {
    this.#failure ??= failureOf(status, reason, condition);
    if (this.#failure && (status === Status.DISCONNECTED || status === Status.ATTACHFAIL))
      this.over(this.#failure);
  }

  /** Rejects the promise. */
  over(failure: XmppError): void {
    this.#settled = true;
    this.#reject(failure);
  }

  /** Begins another attempt: replaces the promise if it is settled; a pending promise stays. */
  renew(): void {
    this.#failure = undefined;
    if (!this.#settled) return;
    this.#settled = false;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Prevents `unhandledrejection` in apps that do not use the promise.
    this.promise.catch(() => {});
  }
}
