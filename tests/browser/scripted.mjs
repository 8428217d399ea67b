// A server that follows the protocol until the session is up; from then on it sends only what the
// test tells it to, even what no real server would send.

import { once } from 'node:events';
import { WebSocketServer } from 'ws';

import { eventually } from './apps.mjs';

const FRAMING = 'urn:ietf:params:xml:ns:xmpp-framing';
const STREAMS = 'http://etherx.jabber.org/streams';
const STANZAS = 'urn:ietf:params:xml:ns:xmpp-stanzas';
export const SASL = 'urn:ietf:params:xml:ns:xmpp-sasl';
export const BIND = 'urn:ietf:params:xml:ns:xmpp-bind';
export const SM = 'urn:xmpp:sm:3';

/** A ping of the worker itself. */
const PROBE = /^<iq xmlns="jabber:client" type="get" id="(epode-\d+)" to="([^"]*)"><ping/;

/** The opening of a stream: `<open/>` and the features. */
export const opening = (features) => [
  `<open xmlns="${FRAMING}" from="localhost" id="s" version="1.0"/>`,
  `<stream:features xmlns:stream="${STREAMS}">${features}</stream:features>`,
];

/** The result of a bind request. */
export const bound = (request, content) =>
  `<iq xmlns="jabber:client" type="result" id="${/\bid=["']([^"']*)/.exec(request)[1]}"><bind xmlns="${BIND}">${content}</bind></iq>`;

/** The sessions that are managed (XEP-0198), which have the ids `s1` and so on. */
let sessions = 0;

/** A stream of a client. */
class Stream {
  /** Every frame of the client. */
  frames = [];
  #authenticated = false;

  /** @param {import("node:net").Socket} tcp the connection below the WebSocket */
  constructor(socket, tcp, { jid, managed, mechanisms, login, answer, heard }) {
    this.socket = socket;
    this.tcp = tcp;
    this.jid = jid;
    this.managed = managed;
    this.mechanisms = mechanisms;
    this.login = login;
    this.answer = answer;
    socket.on('message', (data) => {
      const frame = data.toString();
      this.#hear(frame);
      heard(frame);
    });
    socket.on('error', () => {});
  }

  send(text) {
    this.socket.send(text);
  }

  /** Waits for the first frame that matches, including earlier ones. */
  frame(pattern) {
    return eventually(`a frame that matches ${pattern} among ${this.frames.join('\n')}`, () =>
      this.frames.find((frame) => pattern.test(frame)),
    );
  }

  #hear(frame) {
    this.frames.push(frame);
    for (const text of this.answer(frame, this) ?? this.#byTheBook(frame)) {
      if (text.startsWith('<success')) this.#authenticated = true;
      this.send(text);
    }
  }

  #byTheBook(frame) {
    if (frame.startsWith('<open')) {
      const mechanisms = `<mechanisms xmlns="${SASL}">${this.mechanisms.map((name) => `<mechanism>${name}</mechanism>`).join('')}</mechanisms>`;
      const features = `<bind xmlns="${BIND}"/>${this.managed ? `<sm xmlns="${SM}"/>` : ''}`;
      return opening(this.#authenticated ? features : mechanisms);
    }
    if (frame.startsWith('<auth') || frame.startsWith('<response'))
      return [this.login.shift() ?? `<success xmlns="${SASL}"/>`];
    if (frame.startsWith('<iq') && frame.includes(BIND)) return [bound(frame, `<jid>${this.jid}</jid>`)];
    if (frame.startsWith('<enable ')) return [`<enabled xmlns="${SM}" id="s${++sessions}" resume="true"/>`];
    if (frame.startsWith('<resume '))
      return [`<failed xmlns="${SM}"><item-not-found xmlns="${STANZAS}"/></failed>`];
    if (frame.startsWith('<r ')) return [`<a xmlns="${SM}" h="0"/>`];
    // The worker asks whether its server is there, which this one is however silent a test has it.
    const [, id, domain] = PROBE.exec(frame) ?? [];
    if (id) return [`<iq xmlns="jabber:client" type="result" id="${id}" from="${domain}"/>`];
    if (frame.startsWith('<close')) {
      this.send(`<close xmlns="${FRAMING}"/>`);
      this.socket.close();
    }
    return [];
  }
}

/**
 * Starts the server on a free port of loopback.
 * @param {{ jid?: string, managed?: boolean, subprotocol?: string | false, mechanisms?: string[], login?:
 * string[], answer?: (frame: string, stream: Stream) => string[] | undefined, heard?: (frame: string) => void
 * }} options `jid`, which every client is bound to; `managed`, whether it offers to manage streams
 * (XEP-0198): it acknowledges nothing, and resumes no session; `subprotocol` of the WebSocket; `mechanisms`
 * offered; `login`, the answers to `<auth/>` and each `<response/>` before `<success/>`; `answer` returns
 * frames to send instead of the standard answer, or nothing; `heard` is called with every frame of every
 * client
 */
export async function startScripted({
  jid = 'alice@localhost/scripted',
  managed = false,
  subprotocol = 'xmpp',
  mechanisms = ['PLAIN'],
  login = [],
  answer = () => undefined,
  heard = () => {},
} = {}) {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, handleProtocols: () => subprotocol });
  /** @type {Stream[]} */
  const streams = [];
  server.on('connection', (socket, { socket: tcp }) =>
    streams.push(new Stream(socket, tcp, { jid, managed, mechanisms, login: [...login], answer, heard })),
  );
  await once(server, 'listening');
  return {
    ws: `ws://127.0.0.1:${server.address().port}/`,
    jid,
    streams,
    async stop() {
      for (const client of server.clients) client.terminate();
      server.close();
      await once(server, 'close');
    },
  };
}
