// The WebSockets. The first is dialled as soon as a tab has said where to, while the wasm is still on its way: a new connection takes a handful of round
// trips, and the wasm as many.

import type { Dial } from '../pkg/epode_worker.js';

/** How long a socket stays open for an engine that may never ask for it: another worker may have the session. */
const PATIENCE = 10_000;

/** Sockets that the engine has not asked for yet, by address, each with the latest that befell it. */
const early = new Map<string, { socket: WebSocket; befell?: Event }>();

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
  const entry: { socket: WebSocket; befell?: Event } = { socket };
  socket.onopen = socket.onclose = (event: Event) => (entry.befell = event);
  early.set(service, entry);
  setTimeout(() => early.get(service) === entry && early.delete(service) && socket.close(), PATIENCE);
}

/** A socket to this address. What has befallen it already it tells again, once the engine listens. */
export const dial: Dial = (url) => {
  const entry = early.get(url);
  if (!entry) return open(url);
  early.delete(url);
  const { socket, befell } = entry;
  socket.onopen = socket.onclose = null;
  if (befell) queueMicrotask(() => socket[`on${befell.type as 'open' | 'close'}`]?.(befell as CloseEvent));
  return socket;
};

/** The subprotocol is that of RFC 7395 §3.1. */
function open(url: string): WebSocket {
  return new WebSocket(url, 'xmpp');
}
