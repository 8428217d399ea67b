// A TCP proxy in front of an XMPP server that behaves as bad networks do. It knows bytes only, so that it
// cuts a frame in the middle. `tests/browser/wire.mjs` is the proxy that knows frames.

import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

import { Wire } from './wire.mjs';

/** The granularity of a slow wire in milliseconds. */
const TICK = 20;

/**
 * @typedef {{ from: "client" | "server", bytes: number, rough?: boolean, lingers?: boolean }} Cut after that
 * many further bytes of one side: the client's socket ends, by a reset if `rough`; the server's socket too,
 * unless it `lingers`, as where a NAT forgets a connection
 */

/** One connection: two sockets, and what happens to the bytes between them. */
class Connection {
  /** Whether bytes vanish, with both sockets open. */
  #isBlackHole = false;
  /** @type {Cut | undefined} */
  #cut;
  #held = Buffer.alloc(0);
  #isUpgraded = false;
  passed = { client: 0, server: 0 };
  isOpen = true;

  constructor(tcp, client, server) {
    this.tcp = tcp;
    this.client = client;
    this.server = server;
    this.#relay('client', client, server);
    this.#relay('server', server, client);
  }

  /** @param {Cut} cut */
  cutAfter(cut) {
    this.#cut = { ...cut, at: this.passed[cut.from] + cut.bytes };
  }

  /** From now on nothing gets through, and nobody is told. */
  swallow() {
    this.#isBlackHole = true;
  }

  end({ rough = false, lingers = false } = {}) {
    if (!this.isOpen) return;
    this.isOpen = false;
    if (rough) this.client.resetAndDestroy();
    else this.client.destroy();
    if (lingers) this.#isBlackHole = true;
    // What was written before arrives.
    else if (this.tcp.wholeFrames) this.server.end();
    else this.server.destroy();
  }

  async #relay(from, source, sink) {
    source.on('error', () => {});
    try {
      for await (const chunk of source) await this.#pass(from, chunk, sink);
    } catch {
      // The socket has ended in another way than by its end.
    }
    // A black hole hides the end of each side from the other as well.
    if (!this.#isBlackHole) this.end();
    else if (from === 'client') this.end({ lingers: true });
  }

  async #pass(from, bytes, sink) {
    const { delay, rate, wholeFrames } = this.tcp;
    if (delay) await pause(delay);
    const isWhole = wholeFrames && from === 'client';
    const chunk = isWhole ? this.#whole(bytes) : bytes;
    const step = rate && !isWhole ? Math.max(1, Math.round((rate * TICK) / 1000)) : chunk.length;
    for (let at = 0; at < chunk.length && !this.#isBlackHole; at += step) {
      if (rate) await pause(TICK);
      await this.#write(from, chunk.subarray(at, at + step), sink);
    }
  }

  /** Holds back the last frame of a client until the rest of that frame is here (RFC 6455 §5.2). */
  #whole(bytes) {
    const held = Buffer.concat([this.#held, bytes]);
    let end = this.#isUpgraded ? 0 : held.indexOf('\r\n\r\n') + 4;
    this.#isUpgraded ||= end >= 4;
    while (this.#isUpgraded && held.length - end >= 2) {
      const short = held[end + 1] & 127;
      const header = 6 + ({ 126: 2, 127: 8 }[short] ?? 0);
      if (held.length - end < header) break;
      const length =
        short === 126 ? held.readUInt16BE(end + 2) : short === 127 ? held.readUInt32BE(end + 6) : short;
      if (held.length - end < header + length) break;
      end += header + length;
    }
    if (!this.#isUpgraded) end = 0;
    this.#held = held.subarray(end);
    return held.subarray(0, end);
  }

  async #write(from, bytes, sink) {
    const cut = this.#cut;
    const left = cut?.from === from ? cut.at - this.passed[from] : Infinity;
    const allowed = bytes.subarray(0, left);
    this.passed[from] += allowed.length;
    this.tcp.wire.pass(this, from, allowed);
    if (sink.writable && allowed.length > 0 && !sink.write(allowed))
      await Promise.race([once(sink, 'drain'), once(sink, 'close')]).catch(() => {});
    if (left <= bytes.length) this.end(cut);
  }
}

/**
 * Starts the proxy.
 * @param {{ upstream: string, wholeFrames?: boolean }} options the server's WebSocket URL, and whether the
 * frames of a client reach the server whole or not at all
 */
export async function startTcp({ upstream, wholeFrames = false }) {
  const target = new URL(upstream);
  /** @type {Set<Connection>} */
  const connections = new Set();
  const tcp = {
    url: '',
    wholeFrames,
    /** What has crossed it. */
    wire: new Wire(),
    /** The number of connections so far. */
    count: 0,
    /** While true, connections are refused. */
    away: false,
    /** The delay of each chunk of bytes, in milliseconds. */
    delay: 0,
    /** The bytes that pass in a second, in each direction; 0 for no limit. */
    rate: 0,
    /** @type {Cut | undefined} what happens to the next connection */
    next: undefined,
    /** The connections that are open now. */
    open: () => [...connections].filter(({ isOpen }) => isOpen),
    async stop() {
      server.close();
      for (const { client, server } of connections) [client, server].forEach((socket) => socket.destroy());
      await once(server, 'close');
    },
  };

  const server = createServer((client) => {
    client.on('error', () => {});
    if (tcp.away) return void client.resetAndDestroy();
    tcp.count++;
    const connection = new Connection(tcp, client, connect(target.port, target.hostname));
    connections.add(connection);
    if (tcp.next) connection.cutAfter(tcp.next);
    tcp.next = undefined;
    // A socket that lingers is kept, so that the end of the proxy ends it.
    connection.server.once('close', () => connections.delete(connection));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  tcp.url = `ws://127.0.0.1:${server.address().port}${target.pathname}`;
  return tcp;
}
