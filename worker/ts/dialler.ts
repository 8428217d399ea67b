// The WebSockets. The first is dialled as soon as a tab has said where to, while the wasm is still on its way: a new connection takes a handful of round
// trips, and the wasm as many.

import type { Dial } from '../pkg/epode_worker.js';

/** How long a socket stays open for an engine that may never ask for it: the account may be none, or another worker have the session. */
const PATIENCE = 10_000;

/** Sockets that the engine has not asked for yet, by address, each with whether it has told that it is open. */
const early = new Map<string, { socket: WebSocket; opened: boolean }>();

/** Dials where this message of a tab will have the engine dial. */
export function foresee(said: unknown): void {
  const service = (said as { Connect?: { service?: unknown } } | null)?.Connect?.service;
  if (typeof service !== 'string' || early.has(service)) return;
  let socket: WebSocket;
  try {
    socket = open(service);
  } catch {
    // The engine will try the same, and say what is wrong.
    return;
  }
  const entry = { socket, opened: false };
  const forget = (): unknown => early.get(service) === entry && early.delete(service);
  socket.onopen = () => (entry.opened = true);
  // Whatever ended it, the server that the engine dials later may do better.
  socket.onclose = forget;
  early.set(service, entry);
  setTimeout(() => forget() && socket.close(), PATIENCE);
}

/** A socket to this address. One that has told already that it is open tells so again, once the engine listens. */
export const dial: Dial = (url) => {
  const { socket, opened } = early.get(url) ?? {};
  early.delete(url);
  if (!socket) return open(url);
  socket.onopen = socket.onclose = null;
  if (socket.readyState > WebSocket.OPEN) return open(url);
  if (opened) queueMicrotask(() => socket.onopen?.(new Event('open')));
  return socket;
};

/** The subprotocol is that of RFC 7395 §3.1. */
function open(url: string): WebSocket {
  return new WebSocket(url, 'xmpp');
}
