/**
 * The engine's end of the ports. The engine reads what tabs post, and writes what is posted to them, part
 * after part; posting it is done here.
 */
import {
  accept as open,
  hear,
  start as run,
  type Dial,
  type Http,
  type Ownership,
  type Ports,
} from '../pkg/epode_worker.js';
import { Writer } from '../../port/ts/writer.ts';
import type { Port } from '../../port/ts/port.ts';
import { noteWord } from './strophe-port.ts';

/** Those that are open, under the numbers by which the engine knows them. */
const ports = new Map<number, Port>();
/** Those that no page has said anything at. */
const silent = new WeakSet<Port>();
let latest = 0;

/** Starts the engine; once, before the first port. */
export function start(
  lock: string | undefined,
  ownership: Ownership,
  dial: Dial,
  http: Http,
  shared: boolean,
  detour: boolean,
): void {
  const writer = new Writer();
  // All that is posted is plain data, which every port takes.
  const post = (to: Uint32Array, message: unknown): void =>
    to.forEach((number) => ports.get(number)?.postMessage(message));
  const outward: Ports = {
    post: (to) => post(to, writer.take()),
    postStanza: (to, position, text) => post(to, [position, text]),
    postFrame: (to, text) => post(to, ['_onMessage', { data: text }]),
    close(number) {
      const port = ports.get(number);
      if (!port) return;
      ports.delete(number);
      // A page of strophe.js opens its port long before it says anything, and has no other.
      if (silent.has(port)) {
        port.onmessage = ({ data }) => {
          noteWord(port, data);
          accept(port, [data]);
        };
        return;
      }
      port.onmessage = null;
      port.close();
    },
  };
  run(lock, ownership, dial, http, outward, writer, shared, detour);
}

/**
 * Hands the engine the port of a tab, and what the tab has `said` there already. A goodbye is heard so many
 * milliseconds later: where a session ends with its page nothing is written behind it, and the app may say
 * more.
 */
export function accept(port: Port, said: readonly unknown[] = [], lastWords = 0): void {
  const number = ++latest;
  ports.set(number, port);
  open(number);
  let hasLeft = false;
  silent.add(port);
  const say = (data: unknown): void => hear(number, data, silent.delete(port));
  // This starts the port, but nothing is delivered before this task has ended.
  port.onmessage = ({ data }) => {
    noteWord(port, data);
    if (data === 'Leave' && lastWords > 0) {
      hasLeft = true;
      setTimeout(say, lastWords, data);
    } else if (!(hasLeft && data?.Disconnect)) say(data);
  };
  for (const data of said) say(data);
}
