/** What becomes of stanzas after they were written, as the worker tells, and who asks. */
import type { Fate as Told } from '../../port/ts/protocol/Fate.ts';
import { error } from './log.ts';

/** What became of a stanza that was written. */
export interface Fate {
  /**
   * `acknowledged` if the server answers for the stanza (XEP-0198 §4, or the response to its request over
   * BOSH); `unmanaged` if the server acknowledges nothing; `failed` if the session was lost before the server
   * acknowledged the stanza, and the stanza was not sent again.
   */
  status: 'acknowledged' | 'unmanaged' | 'failed';
  /**
   * Of `failed`: `not-resumed`, and the server may have handled the stanza or not; `unknown`, if the worker
   * or the session ended first; or the condition of a stanza that was never written.
   */
  condition?: string;
  /** Of `failed`: the reason in a sentence. */
  text?: string;
  /** Whether the stanza was sent again in a new session, since the server had not acknowledged it. */
  resent?: boolean;
  /** Whether the server may have handled the stanza before it was sent again. */
  maybeTwice?: boolean;
}

/** The most fates of single stanzas that are kept for an app that asks later: a session can lose no more. */
const KEPT = 20_000;

/** The fates of what one link has sent. */
export class Fates {
  /** Fates of all stanzas up to a token, oldest first. */
  readonly #common: [upTo: number, fate: Fate][] = [];
  /** Fates of single stanzas, which count before the common ones. */
  readonly #failed = new Map<number, Fate>();
  /** Stanzas that were sent again. */
  readonly #resent = new Map<number, Pick<Fate, 'resent' | 'maybeTwice'>>();
  readonly #asked = new Map<number, (fate: Fate) => void>();
  readonly #follow: () => void;
  #follows = false;
  #written = 0;

  /** @param follow asks the worker to tell usual fates, too */
  constructor(follow: () => void) {
    this.#follow = follow;
  }

  /** What becomes of the stanza of this token. The promise is always fulfilled. */
  of(token: number): Promise<Fate> {
    const known = this.#known(token);
    if (known) return Promise.resolve(known);
    return new Promise((told) => {
      this.#asked.set(token, told);
      if (this.#follows) return;
      this.#follows = true;
      this.#follow();
    });
  }

  /** Everything up to this token is written. */
  written(upTo: number): void {
    this.#written = upTo;
  }

  /** The worker tells a fate. */
  told(token: number, fate: Told): void {
    if (fate === 'Acknowledged') return this.#all(token, { status: 'acknowledged' });
    if (fate === 'Unmanaged') return this.#all(token, { status: 'unmanaged' });
    if ('Resent' in fate) {
      // A stanza may be sent again more than once.
      const before = this.#resent.get(token);
      const maybeTwice = fate.Resent.maybe_twice && { maybeTwice: true };
      keep(this.#resent, token, { ...before, resent: true, ...maybeTwice });
      return;
    }
    error(`a stanza that was written may be lost: ${fate.Failed.condition}`);
    keep(this.#failed, token, { status: 'failed', ...fate.Failed });
    this.#settle();
  }

  /** The worker is gone: of what was written nothing more will be told. */
  lose(text: string): void {
    this.#all(this.#written, { status: 'failed', condition: 'unknown', text });
    // A worker that takes the place of this one is asked again.
    this.#follows = false;
  }

  /** The link is gone, and no worker takes its place. */
  end(text: string): void {
    this.written(Number.MAX_SAFE_INTEGER);
    this.lose(text);
  }

  #known(token: number): Fate | undefined {
    const fate = this.#failed.get(token) ?? this.#common.find(([upTo]) => token <= upTo)?.[1];
    return fate && { ...fate, ...this.#resent.get(token) };
  }

  #all(upTo: number, fate: Fate): void {
    const [latest = 0, before] = this.#common.at(-1) ?? [];
    if (latest >= upTo) return;
    if (before?.status === fate.status && before.text === fate.text) this.#common.pop();
    this.#common.push([upTo, fate]);
    this.#settle();
  }

  #settle(): void {
    for (const [token, told] of this.#asked) {
      const fate = this.#known(token);
      if (!fate) continue;
      this.#asked.delete(token);
      told(fate);
    }
  }
}

/** Keeps what is known of a stanza, in the place of the oldest if there is too much. */
function keep<V>(known: Map<number, V>, token: number, value: V): void {
  known.set(token, value);
  const [oldest] = known.keys();
  if (known.size > KEPT) known.delete(oldest!);
}
