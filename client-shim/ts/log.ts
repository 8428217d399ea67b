/**
 * The page's log. Every line goes through `sink.log`, which an app replaces (as `Strophe.log = …`) to send
 * lines elsewhere; the default writes to the console. Lines carry no payload: what travels on the wire is
 * seen with `rawInput` and `rawOutput`, and why a stanza was refused in its receipt.
 */
import { LogLevel } from './constants.ts';

/** Takes one line of the log. */
export type Log = (level: LogLevel, message: string) => void;

let threshold: LogLevel = LogLevel.INFO;

/**
 * Sets the least level that reaches the console. A replaced `sink.log` hears every level and filters for
 * itself.
 *
 * @param level the default is `LogLevel.INFO`
 * @throws RangeError when it is none of `LogLevel`
 */
export function setLogLevel(level: LogLevel): void {
  if (!(level >= LogLevel.DEBUG && level <= LogLevel.FATAL)) {
    throw new RangeError(`setLogLevel: ${String(level)} is none of LogLevel`);
  }
  threshold = level;
}

/**
 * Writes one line to the console when `level` is at least what {@link setLogLevel} said; `FATAL` is written
 * as an error.
 */
export function log(level: LogLevel, message: string): void {
  if (level < threshold) return;
  if (level >= LogLevel.ERROR) console.error(message);
  else if (level === LogLevel.WARN) console.warn(message);
  else if (level === LogLevel.INFO) console.info(message);
  else console.debug(message);
}

/** Where the library's own lines go. */
export const sink: { log: Log } = { log };

/**
 * Writes one of the library's own lines. A log of the app's that throws must not end what the line is about.
 */
export function tell(level: LogLevel, message: string): void {
  try {
    sink.log(level, message);
  } catch {
    log(level, message);
  }
}

/** Logs at `LogLevel.DEBUG`. */
export function debug(message: string): void {
  tell(LogLevel.DEBUG, message);
}

/** Logs at `LogLevel.INFO`. */
export function info(message: string): void {
  tell(LogLevel.INFO, message);
}

/** Logs at `LogLevel.WARN`. */
export function warn(message: string): void {
  tell(LogLevel.WARN, message);
}

/** Logs at `LogLevel.ERROR`. */
export function error(message: string): void {
  tell(LogLevel.ERROR, message);
}

/** Logs at `LogLevel.FATAL`. */
export function fatal(message: string): void {
  tell(LogLevel.FATAL, message);
}

/** Calls into the app; what it throws is logged, and stops nothing else. */
export function guarded(call: () => unknown, where: string): void {
  try {
    call();
  } catch (thrown) {
    error(`${where} threw: ${describe(thrown)}`);
  }
}

/**
 * What was thrown, for the log: its name and the frames of its stack. Its message may quote a stanza or a
 * JID, and so may a text that was thrown.
 */
export function describe(thrown: unknown): string {
  if (!(thrown instanceof Error)) return typeof thrown;
  // Of Chromium's kind or Firefox's; the scripts' addresses without their queries.
  const frames = thrown.stack?.replace(thrown.message, '').match(/^ +at .+|^\S*@\S+:\d+:\d+$/gm) ?? [];
  return [thrown.name, ...frames].join('\n').replace(/[?#][^\s)]*?(?=:\d+:\d)/g, '');
}
