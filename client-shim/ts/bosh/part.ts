/** The part that a page plays in a session over BOSH: the worker has the session. */
import { forgetSession, keepSession, TERMS, type Kept } from '../kept.ts';
import type { BoshOptions as AppOptions } from '../options.ts';
import type { BoshState } from '../transports.ts';
import type { BoshOptions } from '../../../port/ts/protocol/BoshOptions.ts';
import type { BoshSession } from '../../../port/ts/protocol/BoshSession.ts';
import type { HttpOptions } from '../../../port/ts/protocol/HttpOptions.ts';
import type { ToWorker } from '../../../port/ts/protocol/ToWorker.ts';
import { httpOptions } from './headers.ts';
import { watch } from './watch.ts';

/** How long the page before may take to let its session go, in milliseconds: a reload takes some tens. */
const PATIENCE = 2_000;

/** What this script needs of the one that has loaded it; modules with a state of their own are there. */
export interface Surroundings {
  /** The app's options, read anew each time. */
  readonly options: AppOptions & { readonly worker?: unknown };
  /** Whether the engine is this page's alone: then a tab that was duplicated has another. */
  readonly isAlone: boolean;
  /** Says this to the worker, if there is a session or one is being opened. */
  say(message: ToWorker<string>): void;
  /** Shows the state on `_proto`. */
  tell(told: Partial<BoshState>): void;
  /** Calls the hook `nextValidRid`, if the app has overridden that. */
  readonly nextValidRid: ((rid: number) => void) | undefined;
  /** Logs at this level. */
  warn(text: string): void;
  error(text: string): void;
  /** Makes the requests of this session that carry something synchronous, or not. */
  block(sid: string, on: boolean): void;
}

/** The terms of `connect`, `attach` and `restore`, as apps pass them. */
export interface Wishes {
  wait?: unknown;
  hold?: unknown;
  /** The server behind a connection manager. */
  route?: unknown;
  /** How many requests may be unanswered. */
  window?: unknown;
}

/** The part of one connection. */
export class BoshPart {
  readonly #page: Surroundings;
  /** What the worker was told last, as JSON. */
  #said = '';
  /** The reason why the options of now were refused. */
  #refused: string | undefined;
  #warned = false;
  #isUp = false;
  #keeps = false;
  #session: BoshSession | undefined;
  /** The sid that other pages are kept from. */
  #claimed: string | undefined;
  /** The sid of the session whose requests are synchronous. */
  #blocked: string | undefined;

  constructor(page: Surroundings) {
    this.#page = page;
    watch(page.options, () => this.refresh());
  }

  /**
   * How to open a session.
   *
   * @throws Error with a sentence for the app
   */
  open({ wait, hold, route }: Wishes): BoshOptions {
    // Until there is a session, the page keeps none, as in Strophe.
    this.over();
    return {
      wait: whole(wait),
      hold: whole(hold),
      route: route ? String(route) : null,
      http: this.#http(),
    };
  }

  /**
   * The session of a former page, or one that the app's server has opened, to go on with.
   *
   * @throws Error with a sentence for the app
   */
  takeOver(kept: Kept, { wait, hold, window }: Wishes): { session: BoshSession; http: HttpOptions } {
    this.#isUp = false;
    // A page that comes back from the back/forward cache knows more than when it restored the session.
    if (this.#session?.sid === kept.sid) return { session: this.#session, http: this.#http() };
    const terms = termsOf(kept.rid);
    const session: BoshSession = {
      jid: kept.jid,
      sid: kept.sid,
      next: kept.rid,
      lowest: terms.lowest ?? kept.rid,
      wait: whole(wait) ?? terms.wait ?? null,
      hold: whole(hold) ?? terms.hold ?? null,
      window: whole(window) ?? terms.window ?? null,
      inactivity: terms.inactivity ?? null,
    };
    return { session, http: this.#http() };
  }

  /** The session is up. */
  up(): void {
    this.#isUp = true;
    this.#keeps = false;
    this.refresh();
  }

  /** Tells the worker of what the app has assigned since. */
  refresh(): void {
    const { options, say, warn, nextValidRid } = this.#page;
    const keeps = !!options.keepalive || !!nextValidRid;
    if (this.#isUp && keeps !== this.#keeps) {
      this.#keeps = keeps;
      say({ Keepalive: { on: keeps } });
      if (!keeps) forgetSession();
    }
    if (options.sync && options.worker && !this.#warned) {
      this.#warned = true;
      warn('the option sync has no effect with a worker: a request that blocks it would stop every tab');
    }
    this.#block();
    if (!this.#said) return;
    const before = this.#said;
    try {
      const http = this.#http();
      if (this.#said !== before) say({ HttpOptions: http });
    } catch (thrown) {
      const reason = (thrown as Error).message;
      if (reason !== this.#refused) this.#page.error(`${reason}; requests are made as before`);
      this.#refused = reason;
    }
  }

  /** The session stands so: about to make a request. */
  told(session: BoshSession): void {
    const { options, tell, nextValidRid, error, isAlone } = this.#page;
    const { jid, sid, next, wait, hold, window, inactivity } = session;
    const isNew = next !== this.#session?.next || sid !== this.#session.sid;
    this.#session = session;
    const terms: Partial<BoshState> = { rid: next, sid, inactivity, errors: 0 };
    for (const [name, value] of Object.entries({ wait, hold, window }))
      if (value !== null) Object.assign(terms, { [name]: value });
    tell(terms);
    if (options.keepalive) {
      if (isAlone && sid !== this.#claimed) claim((this.#claimed = sid)).catch(() => {});
      try {
        keepSession({ jid, rid: next, sid });
        const { lowest } = session;
        sessionStorage.setItem(TERMS, JSON.stringify({ rid: next, lowest, wait, hold, window, inactivity }));
      } catch {
        error('the session was not kept: sessionStorage is full, or forbidden by the user');
      }
    }
    this.refresh();
    if (isNew) nextValidRid?.(next);
  }

  /** The session is over. */
  over(): void {
    // Where the app goes away from a session that lives on, the worker may end that.
    if (this.#keeps) this.#page.say({ Keepalive: { on: false } });
    this.#keeps = false;
    this.#said = '';
    this.#isUp = false;
    this.#block();
    forgetSession();
  }

  /** The options as they are, if the app's are good. */
  #http(): HttpOptions {
    const { options, warn } = this.#page;
    const notes: string[] = [];
    const http = httpOptions(options, (note) => notes.push(note));
    const said = JSON.stringify(http);
    if (said !== this.#said) notes.forEach(warn);
    this.#said = said;
    this.#refused = undefined;
    return http;
  }

  /** Makes requests synchronous where the engine is in the page and the app wants so. */
  #block(): void {
    const { options, block } = this.#page;
    const wished = options.sync && !options.worker && this.#isUp ? this.#session?.sid : undefined;
    if (wished === this.#blocked) return;
    if (this.#blocked !== undefined) block(this.#blocked, false);
    if (wished !== undefined) block(wished, true);
    this.#blocked = wished;
  }
}

/**
 * Waits until no other page has this session, and keeps others out for as long as this page lives. A tab that
 * was duplicated has the numbers of its original, and would spend the same rids.
 *
 * @throws Error with a sentence for the app, if another page keeps the session
 */
export async function claim(sid: string): Promise<void> {
  // Locks need a secure context.
  if (!navigator.locks) return;
  const tooLong = new AbortController();
  const timer = setTimeout(() => tooLong.abort(), PATIENCE);
  await new Promise<void>((held, refused) => {
    navigator.locks
      .request(`epode-bosh ${sid}`, { signal: tooLong.signal }, () => {
        clearTimeout(timer);
        held();
        return new Promise(() => {});
      })
      .catch(() => refused(new Error('another tab has this session: this one was duplicated from that')));
  });
}

/** A number of the app's: 0 means the default, as in Strophe, and so does what is no number. */
function whole(given: unknown): number | null {
  const number = Number(given);
  return number > 0 ? Math.min(Math.round(number), 2 ** 32 - 1) || 1 : null;
}

/** The further numbers of the session that is kept with this rid. */
function termsOf(rid: number): Partial<Record<'lowest' | 'wait' | 'hold' | 'window' | 'inactivity', number>> {
  try {
    const terms: unknown = JSON.parse(sessionStorage.getItem(TERMS) ?? '{}');
    const entries = Object.entries(terms as object).filter(
      ([, value]) => Number.isSafeInteger(value) && value >= 0,
    );
    const { rid: of, ...numbers } = Object.fromEntries(entries) as Record<string, number>;
    return of === rid && (numbers['lowest'] ?? 0) <= rid ? numbers : {};
  } catch {
    return {};
  }
}
