// The source that must never be what limits a contestant: floods are WebSocket frames made beforehand, written in one piece to each
// stream. RFC 6455 §5.2: what a server sends is not masked, so one frame serves all streams.

import { WebSocket } from "ws";

import { startScripted } from "../../../browser/scripted.mjs";

const JID = "romeo@montague.lit";

export async function openScripted() {
  const server = await startScripted({ jid: `${JID}/orchard` });
  const open = () => server.streams.filter(({ socket }) => socket.readyState === WebSocket.OPEN);
  const write = (stanzas) => {
    const frames = Buffer.concat(stanzas.map(frame));
    for (const { tcp } of open()) tcp.write(frames);
  };
  return {
    name: "scripted",
    account: { service: server.ws, jid: JID, password: "secret" },
    /** Somebody to write to. */
    contact: "juliet@capulet.lit",
    /** Sends stanzas to every stream of the account, as fast as they are taken. */
    send: write,
    /** The bytes of all streams of the account so far, in both directions. */
    bytes: () => server.streams.reduce((sum, { tcp }) => sum + tcp.bytesRead + tcp.bytesWritten, 0),
    /** Answers with the moment at which so many messages of the tabs will have come in. */
    received(count) {
      return new Promise((resolve) => {
        let missing = count;
        for (const { socket } of open()) {
          const hear = (data) => {
            if (!data.toString().startsWith("<message")) return;
            if (--missing > 0) return;
            socket.off("message", hear);
            resolve(performance.timeOrigin + performance.now());
          };
          socket.on("message", hear);
        }
      });
    },
    stop: server.stop,
  };
}

function frame(text) {
  const length = Buffer.byteLength(text);
  const header = length < 126 ? Buffer.from([0x81, length]) : Buffer.from([0x81, 126, length >> 8, length & 0xff]);
  return Buffer.concat([header, Buffer.from(text)]);
}
