/**
 * An app assigns an option at any time, as in Strophe, which reads the options with each request. Here the
 * worker makes the requests, and has to be told of an assignment also where nothing is sent.
 */
import type { BoshOptions } from '../options.ts';

/** The options that count while a session is up. */
const LIVE = ['customHeaders', 'withCredentials', 'contentType', 'sync', 'keepalive'] as const;

/** Who hears of assignments, by the app's object, which several connections may have. */
const listeners = new WeakMap<object, Set<() => void>>();

/**
 * Calls `changed` at the end of a task in which an option was assigned. A change within a value is not seen,
 * nor is one in an object that is frozen, or by an accessor of the app's.
 */
export function watch(options: BoshOptions, changed: () => void): void {
  let heard = listeners.get(options);
  if (!heard) {
    listeners.set(options, (heard = new Set()));
    for (const name of LIVE) follow(options, name, heard);
  }
  heard.add(changed);
}

function follow(options: BoshOptions, name: (typeof LIVE)[number], heard: Set<() => void>): void {
  const own = Object.getOwnPropertyDescriptor(options, name);
  if (own ? !own.configurable || own.get : name in options || !Object.isExtensible(options)) return;
  let value: unknown = own?.value;
  Object.defineProperty(options, name, {
    configurable: true,
    enumerable: true,
    get: () => value,
    set(given: unknown) {
      value = given;
      queueMicrotask(() => heard.forEach((changed) => changed()));
    },
  });
}
