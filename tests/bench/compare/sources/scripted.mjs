// A source that must never limit a contestant: a flood is prepared as WebSocket frames, and written
// in one piece to each stream. A server's frames are not masked (RFC 6455 §5.1), so all streams get
// the same bytes.

import { WebSocket } from 'ws';

import { startScripted } from '../../../browser/scripted.mjs';
import { SIZES } from '../stanzas.mjs';

const JID = 'romeo@montague.lit';

export async function openScripted() {
  /** The pending call of `received`: the number of missing messages, and its resolver. */
  let awaited;
  const heard = (frame) => {
    if (!frame.startsWith('<message') || !awaited || --awaited.missing > 0) return;
    awaited.tell(performance.timeOrigin + performance.now());
    awaited = undefined;
  };
  const server = await startScripted({ jid: `${JID}/orchard`, heard });
  const open = () => server.streams.filter(({ socket }) => socket.readyState === WebSocket.OPEN);
  const prepare = (stanzas) => {
    const frames = Buffer.concat(stanzas.map(frame));
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
    /** How many streams are open. */
    streams: () => open().length,
    /** A promise of the time at which `count` messages of the tabs have arrived. */
    received: (count) => new Promise((tell) => (awaited = { missing: count, tell })),
    stop: server.stop,
  };
}

function frame(text) {
  const length = Buffer.byteLength(text);
  const header =
    length < 126 ? Buffer.from([0x81, length]) : Buffer.from([0x81, 126, length >> 8, length & 0xff]);
  return Buffer.concat([header, Buffer.from(text)]);
}
