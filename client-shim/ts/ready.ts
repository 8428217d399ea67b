/** The promise that a session comes up. */
import { Status } from './constants.ts';
import {
  AttachError,
  AuthenticationError,
  ConnectionError,
  DisconnectedError,
  RedirectError,
  TimeoutError,
  XmppError,
} from './errors.ts';

/** What the promise is rejected with, by the first status that says so. */
const FAILURES: Partial<Record<Status, typeof XmppError>> = {
  [Status.CONNFAIL]: ConnectionError,
  [Status.AUTHFAIL]: AuthenticationError,
  [Status.DISCONNECTED]: DisconnectedError,
  [Status.REDIRECT]: RedirectError,
  [Status.CONNTIMEOUT]: TimeoutError,
  [Status.ATTACHFAIL]: AttachError,
};

/** A promise of the session, settled when that is up or an attempt is over, and made anew for the next. */
export class Ready<T> {
  promise!: Promise<T>;
  #resolve!: (session: T) => void;
  #reject!: (failure: XmppError) => void;
  #settled = true;
  /** Why the attempt fails, until it is over. */
  #failure: XmppError | undefined;

  constructor() {
    this.renew();
  }

  /** The session is up. */
  up(session: T): void {
    this.renew();
    this.#settled = true;
    this.#resolve(session);
  }

  /**
   * A status was reported; it may be the end. Not before that may an app try again, so not before that it
   * hears.
   */
  note(status: Status, reason: string | undefined, condition: string | undefined): void {
    const Failure = FAILURES[status];
    if (Failure) this.#failure ??= new Failure(reason ?? 'the session is over', condition);
    if (this.#failure && (status === Status.DISCONNECTED || status === Status.ATTACHFAIL))
      this.over(this.#failure);
  }

  /** Nothing comes of it, and why. */
  over(failure: XmppError): void {
    this.#settled = true;
    this.#reject(failure);
  }

  /** Another attempt begins: what was settled is of the past, and who still waits goes on waiting. */
  renew(): void {
    this.#failure = undefined;
    if (!this.#settled) return;
    this.#settled = false;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // An app that does not wait for it is not to hear of an unhandled rejection.
    this.promise.catch(() => {});
  }
}
