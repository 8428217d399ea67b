// The source that must never be what limits a contestant: floods are WebSocket frames made beforehand,
// written in one piece to each stream. RFC 6455 §5.2: what a server sends is not masked, so one frame serves
// all streams.

import { WebSocket } from 'ws';

import { startScripted } from '../../../browser/scripted.mjs';
import { SIZES } from '../stanzas.mjs';

const JID = 'romeo@montague.lit';

export async function openScripted() {
  /** Who waits for messages: how many are missing, and whom to tell. */
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
    /** Somebody to write to. */
    contact: 'juliet@capulet.lit',
    /** The sizes of stanzas that are worth measuring with this source. */
    sizes: SIZES,
    /**
     * Makes ready to send stanzas to every stream of the account; answers with how to send them, as fast as
     * they are taken.
     */
    prepare,
    /** The bytes of all streams of the account so far, in both directions. */
    bytes: () => server.streams.reduce((sum, { tcp }) => sum + tcp.bytesRead + tcp.bytesWritten, 0),
    /** Answers with the moment at which so many messages of the tabs will have come in. */
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
