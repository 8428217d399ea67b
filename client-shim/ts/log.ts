/**
 * The page's log. Each line goes through `sink.log`, which an app may replace (`Strophe.log = …`);
 * the default writes to the console. Lines never contain stanzas: for those, use `rawInput` and
 * `rawOutput`; for the reason of a refused stanza, its receipt.
 */
import { LogLevel } from './constants.ts';

/** A function that takes a line of the log. */
export type Log = (level: LogLevel, message: string) => void;

let threshold: LogLevel = LogLevel.INFO;

/**
 * Sets the lowest level that is written to the console. A replaced `Strophe.log` is called with
 * lines of every level.
 *
 * @param level the default is `LogLevel.INFO`
 * @throws RangeError if `level` is not in `LogLevel`
 */
export function setLogLevel(level: LogLevel): void {
  if (!(level >= LogLevel.DEBUG && level <= LogLevel.FATAL)) {
    throw new RangeError(`setLogLevel: ${String(level)} is none of LogLevel`);
  }
  threshold = level;
}

/**
 * Writes a line to the console if `level` is at least that of {@link setLogLevel}; `FATAL` is
 * written like `ERROR`.
 */
export function log(level: LogLevel, message: string): void {
  if (level < threshold) return;
  if (level >= LogLevel.ERROR) console.error(message);
  else if (level === LogLevel.WARN) console.warn(message);
  else if (level === LogLevel.INFO) console.info(message);
  else console.debug(message);
}

/** Holds the function that takes this library's own lines. */
export const sink: { log: Log } = { log };

/** Logs one of this library's own lines. If the app's function throws, the line goes to the console. */
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

/** Calls a function of the app; an exception is logged and not passed on. */
export function guarded(call: () => unknown, where: string): void {
  try {
    call();
  } catch (thrown) {
    error(`${where} threw: ${describe(thrown)}`);
  }
}

/**
 * A thrown value for the log: for an Error, its name and the frames of its stack, else its type.
 * The message is left out, since it may quote a stanza or a JID.
 */
export function describe(thrown: unknown): string {
  if (!(thrown instanceof Error)) return typeof thrown;
  // The frames of Chromium (`at …`) and Firefox (`…@…`); the script addresses lose their queries below.
  const frames = thrown.stack?.replace(thrown.message, '').match(/^ +at .+|^\S*@\S+:\d+:\d+$/gm) ?? [];
  return [thrown.name, ...frames].join('\n').replace(/[?#][^\s)]*?(?=:\d+:\d)/g, '');
}
