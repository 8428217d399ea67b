// The WebSockets. The first is dialled as soon as a tab has said where to, while the wasm is still on its
// way, and greeted as the engine would: a new connection takes a handful of round trips, and the wasm as
// many.

import { getDomainFromJid } from '../../port/ts/jid.ts';
import type { Dial } from '../pkg/epode_worker.js';

/**
 * How long a socket stays open for an engine that may never ask for it: the account may be none, or another
 * worker have the session.
 */
const PATIENCE = 10_000;

/** The namespace of what opens and closes a stream (RFC 7395 §3.3). */
const FRAMING = 'urn:ietf:params:xml:ns:xmpp-framing';

/** A socket that the engine has not asked for yet, and what it has told so far. */
interface Early {
  socket: WebSocket;
  told: Event[];
}

/** Each by its address and what was said on it. */
const early = new Map<string, Early>();

/**
 * Dials where this message of a tab will have the engine dial, and says there what the engine will say first.
 */
export function dialEarly(said: unknown): void {
  const { service, jid } = whereTo(said);
  // BOSH needs no connection before the engine is there.
  if (typeof service !== 'string' || typeof jid !== 'string' || !/^ws/.test(service)) return;
  const domain = getDomainFromJid(jid);
  // What would have to be escaped is no domain: let the engine say so.
  if (!domain || /[\s<>&'"]/.test(domain)) return;
  const greeting = `<open xmlns='${FRAMING}' to='${domain}' version='1.0'/>`;
  const key = keyOf(service, greeting);
  if (early.has(key)) return;
  let socket: WebSocket;
  try {
    socket = open(service);
  } catch {
    // The engine will try the same, and say what is wrong.
    return;
  }
  const entry: Early = { socket, told: [] };
  const forget = (): unknown => early.get(key) === entry && early.delete(key);
  socket.onopen = (event) => {
    entry.told.push(event);
    socket.send(greeting);
  };
  const end = (): void => {
    if (!forget()) return;
    if (entry.told.length > 0) socket.send(`<close xmlns='${FRAMING}'/>`);
    socket.close();
  };
  // Whatever ended it, the server that the engine dials later may do better. A name counts behind any prefix:
  // what only looks so costs a dial.
  socket.onmessage = (event) =>
    /^\s*(<\?.*?\?>\s*)?<([^\s<>/:]+:)?(close|error)[\s/>]/s.test(event.data)
      ? end()
      : entry.told.push(event);
  socket.onclose = forget;
  early.set(key, entry);
  setTimeout(end, PATIENCE);
}

/**
 * A socket to this address. One that was greeted so already tells what it has told so far once more, when the
 * engine listens.
 */
export const dial: Dial = (url, greeting) => {
  const key = keyOf(url, greeting);
  const { socket, told } = early.get(key) ?? {};
  early.delete(key);
  if (!socket || !told) return open(url);
  socket.onopen = socket.onmessage = socket.onclose = null;
  if (socket.readyState > WebSocket.OPEN) return open(url);
  if (told.length > 0) {
    // The engine says it once more, to nobody.
    socket.send = () => void Reflect.deleteProperty(socket, 'send');
    queueMicrotask(() => {
      for (const event of told)
        (event instanceof MessageEvent ? socket.onmessage : socket.onopen)?.call(
          socket,
          event as MessageEvent,
        );
    });
  }
  return socket;
};

/** The service and the account that a page connects to, one of ours or one of strophe.js. */
function whereTo(said: unknown): { service?: unknown; jid?: unknown } {
  if (!Array.isArray(said)) return (said as { Connect?: object } | null)?.Connect ?? {};
  return said[0] === '_connect' ? { service: said[1], jid: said[2] } : {};
}

function keyOf(url: string, greeting: string): string {
  return `${url} ${greeting}`;
}

/** The subprotocol is that of RFC 7395 §3.1. */
function open(url: string): WebSocket {
  const socket = new WebSocket(url, 'xmpp');
  socket.binaryType = 'arraybuffer';
  return socket;
}
