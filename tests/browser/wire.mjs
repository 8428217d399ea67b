// A WebSocket proxy in front of an XMPP server. It records every connection and frame, so that a
// test can assert "one connection, one SASL exchange, ends in `<close/>`"; it can also refuse,
// delay, swallow and cut.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { WebSocket, WebSocketServer } from 'ws';

/** The subprotocol of RFC 7395 §3.1. */
const SUBPROTOCOL = 'xmpp';

/**
 * @typedef {{ at: number, from: "client" | "server", text: string }} Frame `at` in milliseconds of
 * `performance.now()`
 */

/** A client's connection, from its handshake on. */
class Connection {
  openedAt = performance.now();
  closedAt = undefined;
  /** The side that closed first, "client", "server" or "wire"; `code` is its close code. */
  closedBy = undefined;
  code = undefined;
  /** @type {Frame[]} */
  frames = [];

  /**
   * @param {import("node:http").IncomingMessage} request the handshake, with its address and headers
   */
  constructor(request) {
    this.path = request.url;
    this.headers = request.headers;
  }

  /** Only the first end counts: the second answers it. */
  end(by, code) {
    if (this.closedAt !== undefined) return;
    this.closedAt = performance.now();
    this.closedBy = by;
    this.code = code;
  }

  /** The frames of one side, as text. */
  texts(from) {
    return this.frames.filter((frame) => frame.from === from).map((frame) => frame.text);
  }

  /** Waits for the first frame of one side that matches, including earlier ones. */
  async frame(from, pattern, limit = 15_000) {
    const deadline = performance.now() + limit;
    for (;;) {
      const found = this.texts(from).find((text) => pattern.test(text));
      if (found) return found;
      if (performance.now() > deadline) {
        throw new Error(
          `no frame of the ${from} matches ${pattern} within ${limit} ms:\n${this.transcript()}`,
        );
      }
      await pause(5);
    }
  }

  /** All frames, for people. */
  transcript() {
    const begin = this.openedAt;
    return this.frames
      .map(({ at, from, text }) => `${(at - begin).toFixed(0)} ms ${from}: ${text}`)
      .join('\n');
  }
}

/**
 * Starts the proxy.
 * @param {{ upstream: string }} options the server's WebSocket URL
 */
export async function startWire({ upstream }) {
  const http = createServer();
  const sockets = new Set();
  const wire = {
    url: '',
    /** @type {Connection[]} every connection so far, in order */
    connections: [],
    /** While true, handshakes are answered with 503. */
    refuse: false,
    /** While true, frames are recorded and not forwarded. */
    swallow: false,
    /** The delay of each frame in milliseconds, in both directions; the order is kept. */
    delay: 0,
    /** Takes a handshake that arrived at another server. */
    upgrade: undefined,
    /** The connections that are open now. */
    open: () => wire.connections.filter((connection) => connection.closedAt === undefined),
    /** Ends all connections without a closing handshake, like a network that fails. */
    cut() {
      for (const connection of wire.open()) connection.end('wire', 1006);
      for (const socket of sockets) socket.terminate();
    },
    async stop() {
      wire.cut();
      http.close();
      http.closeAllConnections();
      await once(http, 'close');
    },
  };

  const listener = new WebSocketServer({ noServer: true, handleProtocols: () => SUBPROTOCOL });
  wire.upgrade = (request, socket, head) => {
    if (wire.refuse) {
      socket.end('HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    listener.handleUpgrade(request, socket, head, (client) =>
      relay(wire, sockets, client, upstream, request),
    );
  };
  http.on('upgrade', wire.upgrade);
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  wire.url = `ws://127.0.0.1:${http.address().port}/`;
  return wire;
}

function relay(wire, sockets, client, upstream, request) {
  const server = new WebSocket(upstream, SUBPROTOCOL);
  const connection = new Connection(request);
  wire.connections.push(connection);

  const forward = (from, source, sink, ready) => {
    sockets.add(source);
    // One promise chain for each direction keeps the order.
    let before = ready;
    source.on('message', (data) => {
      const frame = { at: performance.now(), from, text: data.toString() };
      connection.frames.push(frame);
      if (wire.swallow) return;
      const delayed = wire.delay ? pause(wire.delay) : undefined;
      before = before
        .then(() => delayed)
        .then(() => sink.readyState === WebSocket.OPEN && sink.send(frame.text));
    });
    source.on('close', (code) => {
      sockets.delete(source);
      connection.end(from, code);
      // 1005 and 1006 are never sent: they stand for no code and no closing handshake (RFC 6455 §7.4.1).
      before.then(() => (code === 1006 ? sink.terminate() : sink.close(code === 1005 ? undefined : code)));
    });
    source.on('error', () => {});
  };
  const opened = new Promise((resolve) => server.once('open', resolve).once('close', resolve));
  forward('client', client, server, opened);
  forward('server', server, client, Promise.resolve());
}
