// A source that must never limit a contestant: a flood is prepared as WebSocket frames, and written
// in one piece to each stream. A server's frames are not masked (RFC 6455 §5.1), so all streams get
// the same bytes.

import { WebSocket } from 'ws';

import { BIND, opening, startScripted } from '../../../browser/scripted.mjs';
import { SIZES } from '../stanzas.mjs';

const JID = 'romeo@montague.lit';

/** @param {{ managed?: boolean }} options whether the server speaks stream management (XEP-0198) */
export async function openScripted({ managed = false } = {}) {
  /** The pending call of `received`: the number of missing messages, and its resolver. */
  let awaited;
  const heard = (frame) => {
    if (!frame.startsWith('<message') || !awaited || --awaited.missing > 0) return;
    awaited.tell(performance.timeOrigin + performance.now());
    awaited = undefined;
  };
  /** How many stanzas came on each stream since it is managed. */
  const handled = new WeakMap();
  const answer = managed ? managing(handled) : undefined;
  const server = await startScripted({ jid: `${JID}/orchard`, heard, answer });
  const open = () => server.streams.filter(({ socket }) => socket.readyState === WebSocket.OPEN);
  const prepare = (stanzas) => {
    // A server asks behind what it sends.
    const request = managed ? [frame('<r xmlns="urn:xmpp:sm:3"/>')] : [];
    const frames = Buffer.concat([...stanzas.map(frame), ...request]);
    return () => {
      for (const { tcp } of open()) tcp.write(frames);
    };
  };
  return {
    name: 'scripted',
    account: { service: server.ws, jid: JID, password: 'secret' },
    /** An address that tabs can write to. */
    contact: 'juliet@capulet.lit',
    /** The sizes worth measuring with this source. */
    sizes: SIZES,
    /**
     * Prepares stanzas for every stream of the account; returns a function that sends them as fast
     * as possible.
     */
    prepare,
    /** The bytes so far on all streams of the account, in both directions. */
    bytes: () => server.streams.reduce((sum, { tcp }) => sum + tcp.bytesRead + tcp.bytesWritten, 0),
    /** Throws if a contestant has not had its stream managed where the server offers that. */
    checkManaged() {
      if (managed && !open().every((stream) => handled.has(stream)))
        throw new Error('a stream is not managed');
    },
    /** How many streams are open. */
    streams: () => open().length,
    /** A promise of the time at which `count` messages of the tabs have arrived. */
    received: (count) => new Promise((tell) => (awaited = { missing: count, tell })),
    stop: server.stop,
  };
}

/** Answers a client as a server does that manages its stream, and counts what the client sends. */
function managing(handled) {
  return (frame, stream) => {
    const [, name] = /^<([a-z]+)/.exec(frame) ?? [];
    if (name === 'open' && stream.frames.some((earlier) => earlier.startsWith('<auth')))
      return opening(`<bind xmlns="${BIND}"/><sm xmlns="urn:xmpp:sm:3"/>`);
    if (name === 'enable') {
      handled.set(stream, 0);
      return ['<enabled xmlns="urn:xmpp:sm:3" id="bench" resume="true" max="300"/>'];
    }
    if (name === 'r') return [`<a xmlns="urn:xmpp:sm:3" h="${handled.get(stream)}"/>`];
    if (['message', 'presence', 'iq'].includes(name) && handled.has(stream))
      handled.set(stream, handled.get(stream) + 1);
    return undefined;
  };
}

function frame(text) {
  const length = Buffer.byteLength(text);
  const header =
    length < 126 ? Buffer.from([0x81, length]) : Buffer.from([0x81, 126, length >> 8, length & 0xff]);
  return Buffer.concat([header, Buffer.from(text)]);
}
