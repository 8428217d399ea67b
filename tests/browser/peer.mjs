// Another user's client, controlled by the test: it logs in with PLAIN, sends the test's frames,
// and keeps every frame.

import { once } from 'node:events';
import { WebSocket } from 'ws';

import { eventually } from './apps.mjs';

const FRAMING = 'urn:ietf:params:xml:ns:xmpp-framing';

export class Peer {
  /** The full JID after the login. */
  jid = '';
  /** Every frame received. */
  frames = [];

  constructor(socket) {
    this.socket = socket;
    socket.on('message', (data) => this.frames.push(data.toString()));
  }

  /** Logs in to an account, without sending presence. */
  static async login(server, user, password, domain = server.domain) {
    const socket = new WebSocket(server.ws, 'xmpp');
    const peer = new Peer(socket);
    await once(socket, 'open');
    const open = `<open xmlns="${FRAMING}" to="${domain}" version="1.0"/>`;
    peer.send(open);
    await peer.frame(/<mechanism>PLAIN</);
    const response = Buffer.from(`\0${user}\0${password}`).toString('base64');
    peer.send(`<auth xmlns="urn:ietf:params:xml:ns:xmpp-sasl" mechanism="PLAIN">${response}</auth>`);
    await peer.frame(/<success/);
    peer.send(open);
    await peer.frame(/<stream:features.*xmpp-bind/s);
    peer.send(
      `<iq xmlns="jabber:client" type="set" id="bind"><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"/></iq>`,
    );
    peer.jid = /<jid>(.*)<\/jid>/.exec(await peer.frame(/<jid>/))[1];
    return peer;
  }

  send(text) {
    this.socket.send(text);
  }

  /** Sends a chat message. */
  say(to, body) {
    this.send(`<message xmlns="jabber:client" to="${to}" type="chat"><body>${body}</body></message>`);
  }

  /** Waits for the first frame that matches, including earlier ones. */
  frame(pattern) {
    return eventually(`a frame that matches ${pattern}`, () =>
      this.frames.find((frame) => pattern.test(frame)),
    );
  }

  /** The bodies of all messages in order of arrival. */
  bodies() {
    return this.frames
      .map((frame) => /<message.*<body>(.*)<\/body>/s.exec(frame)?.[1])
      .filter((body) => body !== undefined);
  }

  close() {
    this.socket.terminate();
  }
}
