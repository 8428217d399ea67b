// A server that plays its part by the book until the session is up, and from then on says only what the test tells it to:
// what no real server would send.

import { once } from "node:events";
import { WebSocketServer } from "ws";

import { eventually } from "./apps.mjs";

const FRAMING = "urn:ietf:params:xml:ns:xmpp-framing";
const STREAMS = "http://etherx.jabber.org/streams";
export const SASL = "urn:ietf:params:xml:ns:xmpp-sasl";
const BIND = "urn:ietf:params:xml:ns:xmpp-bind";

/** One stream of a client. */
class Stream {
  /** Every frame of the client. */
  frames = [];
  #authenticated = false;

  /** @param {import("node:net").Socket} tcp what lies below the WebSocket */
  constructor(socket, tcp, { jid, mechanisms, login, heard }) {
    this.socket = socket;
    this.tcp = tcp;
    this.jid = jid;
    this.mechanisms = mechanisms;
    this.login = login;
    socket.on("message", (data) => {
      const frame = data.toString();
      this.#hear(frame);
      heard(frame);
    });
    socket.on("error", () => {});
  }

  send(text) {
    this.socket.send(text);
  }

  /** Waits for the first frame that matches, one that came before included. */
  frame(pattern) {
    return eventually(`a frame that matches ${pattern} among ${this.frames.join("\n")}`, () => this.frames.find((frame) => pattern.test(frame)));
  }

  #hear(frame) {
    this.frames.push(frame);
    if (frame.startsWith("<open")) {
      this.send(`<open xmlns="${FRAMING}" from="localhost" id="s" version="1.0"/>`);
      const offer = this.#authenticated
        ? `<bind xmlns="${BIND}"/>`
        : `<mechanisms xmlns="${SASL}">${this.mechanisms.map((name) => `<mechanism>${name}</mechanism>`).join("")}</mechanisms>`;
      this.send(`<stream:features xmlns:stream="${STREAMS}">${offer}</stream:features>`);
    } else if (frame.startsWith("<auth") || frame.startsWith("<response")) {
      const answer = this.login.shift() ?? `<success xmlns="${SASL}"/>`;
      this.#authenticated = answer.startsWith("<success");
      this.send(answer);
    } else if (frame.startsWith("<iq") && frame.includes(BIND)) {
      const id = /\bid=["']([^"']*)/.exec(frame)[1];
      this.send(`<iq xmlns="jabber:client" type="result" id="${id}"><bind xmlns="${BIND}"><jid>${this.jid}</jid></bind></iq>`);
    } else if (frame.startsWith("<close")) {
      this.send(`<close xmlns="${FRAMING}"/>`);
      this.socket.close();
    }
  }
}

/**
 * Starts it on a free port of loopback.
 * @param {{ jid?: string, subprotocol?: string | false, mechanisms?: string[], login?: string[], heard?: (frame: string) => void }} options
 *   `jid`, which everybody is given; `subprotocol`, the one it speaks; `mechanisms`, what it offers; `login`, what it answers to each word of a
 *   login before it says yes; `heard` is told every frame of every client
 */
export async function startScripted({
  jid = "alice@localhost/scripted",
  subprotocol = "xmpp",
  mechanisms = ["PLAIN"],
  login = [],
  heard = () => {},
} = {}) {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, handleProtocols: () => subprotocol });
  /** @type {Stream[]} */
  const streams = [];
  server.on("connection", (socket, { socket: tcp }) => streams.push(new Stream(socket, tcp, { jid, mechanisms, login: [...login], heard })));
  await once(server, "listening");
  return {
    ws: `ws://127.0.0.1:${server.address().port}/`,
    jid,
    streams,
    async stop() {
      for (const client of server.clients) client.terminate();
      server.close();
      await once(server, "close");
    },
  };
}
