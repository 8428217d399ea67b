/** Timed handlers. Each has a timer of its own, so the page wakes up only when one is due. */
import { describe, error } from './log.ts';

/**
 * The longest time that browsers accept; a longer one counts as 0 (HTML, "timer initialization steps").
 */
const LONGEST = 2 ** 31 - 1;

/**
 * Calls `callback` after `period` milliseconds, or after {@link LONGEST}, 24 days, if `period` is longer.
 */
export function later(period: number, callback: () => void): ReturnType<typeof setTimeout> {
  return setTimeout(callback, Math.min(period, LONGEST));
}

/**
 * A callback that is called after `period` milliseconds, and again for as long as it returns a
 * truthy value.
 */
export class TimedHandler {
  /** The period in milliseconds. */
  readonly period: number;
  /** The callback. */
  readonly handler: () => unknown;

  /** @param period in milliseconds */
  constructor(period: number, handler: () => unknown) {
    this.period = period;
    this.handler = handler;
  }

  /**
   * Calls the callback and returns its value, which is truthy if the handler stays; exceptions propagate.
   */
  run(): unknown {
    return this.handler();
  }
}

/** The timed handlers of one connection. Their clock runs from {@link start} to {@link stop}. */
export class TimedHandlers {
  /** Each handler with its timer, which is `undefined` while the clock stands still. */
  readonly #timers = new Map<TimedHandler, ReturnType<typeof setTimeout> | undefined>();
  #running = false;

  /** Adds a handler. Its first period begins now, or at {@link start} if the clock stands still. */
  add(period: number, callback: () => unknown): TimedHandler {
    const handler = new TimedHandler(period, callback);
    this.#arm(handler);
    return handler;
  }

  /** Removes a handler at once; does nothing if the handler is not in the list. */
  delete(handler: TimedHandler): void {
    clearTimeout(this.#timers.get(handler));
    this.#timers.delete(handler);
  }

  /** Removes every handler. */
  clear(): void {
    for (const handler of [...this.#timers.keys()]) this.delete(handler);
  }

  /** Starts the clock: every handler's period begins now. */
  start(): void {
    if (this.#running) return;
    this.#running = true;
    for (const handler of [...this.#timers.keys()]) this.#arm(handler);
  }

  /** Stops the clock; handlers stay in the list. */
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
    // The callback may have deleted its own handler.
    if (!this.#timers.has(handler)) return;
    if (again) this.#arm(handler);
    else this.delete(handler);
  }
}
