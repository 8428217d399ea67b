/** Handlers of time: each has a timer of its own, so nothing polls while nothing is due. */
import { describe, error } from './log.ts';

/** Browsers take a time that is longer for none at all (HTML, "timer initialization steps"). */
const LONGEST = 2 ** 31 - 1;

/** Calls back after so many milliseconds, at the most the 24 days that a timer lasts. */
export function later(period: number, callback: () => void): ReturnType<typeof setTimeout> {
  return setTimeout(callback, Math.min(period, LONGEST));
}

/**
 * One callback that is called after `period` milliseconds, and again for as long as it returns something
 * truthy.
 */
export class TimedHandler {
  /** After how many milliseconds. */
  readonly period: number;
  /** The callback. */
  readonly handler: () => unknown;

  /** @param period in milliseconds */
  constructor(period: number, handler: () => unknown) {
    this.period = period;
    this.handler = handler;
  }

  /** Calls the callback; truthy when it is to be called again. What the callback throws passes through. */
  run(): unknown {
    return this.handler();
  }
}

/** The timed handlers of one connection. They rest until {@link start} and from {@link stop} on. */
export class TimedHandlers {
  /** Each handler with its timer, which is `undefined` while the clock rests. */
  readonly #timers = new Map<TimedHandler, ReturnType<typeof setTimeout> | undefined>();
  #running = false;

  /** Adds a handler. Its first period begins now, or at {@link start}. */
  add(period: number, callback: () => unknown): TimedHandler {
    const handler = new TimedHandler(period, callback);
    this.#arm(handler);
    return handler;
  }

  /** Removes a handler at once. One that is not among these is no error. */
  delete(handler: TimedHandler): void {
    clearTimeout(this.#timers.get(handler));
    this.#timers.delete(handler);
  }

  /** Removes all of them. */
  clear(): void {
    for (const handler of [...this.#timers.keys()]) this.delete(handler);
  }

  /** Lets time pass: every handler's period begins now. */
  start(): void {
    if (this.#running) return;
    this.#running = true;
    for (const handler of [...this.#timers.keys()]) this.#arm(handler);
  }

  /** Lets the handlers rest; they stay in the list. */
  stop(): void {
    this.#running = false;
    for (const [handler, timer] of [...this.#timers]) {
      clearTimeout(timer);
      this.#timers.set(handler, undefined);
    }
  }

  #arm(handler: TimedHandler): void {
    this.#timers.set(handler, this.#running ? later(handler.period, () => this.#due(handler)) : undefined);
  }

  #due(handler: TimedHandler): void {
    let again: unknown = false;
    try {
      again = handler.run();
    } catch (thrown) {
      error(`a timed handler is removed because it threw: ${describe(thrown)}`);
    }
    // It may have been deleted from within its own run.
    if (!this.#timers.has(handler)) return;
    if (again) this.#arm(handler);
    else this.delete(handler);
  }
}
