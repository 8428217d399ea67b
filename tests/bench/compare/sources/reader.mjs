// A client that does nothing but count, in a process of its own: how fast a source is when nobody holds it up.
// usage: fork reader.mjs WS USER PASSWORD DOMAIN; says "ready", then how many messages had come, and when, at the mark

import { Peer } from "../../../browser/peer.mjs";

const [ws, user, password, domain] = process.argv.slice(2);
const peer = await Peer.login({ ws, domain }, user, password);
let count = 0;
peer.socket.removeAllListeners("message");
peer.socket.on("message", (data) => {
  if (!data.includes("urn:epode:bench")) return void count++;
  process.send({ count, at: performance.timeOrigin + performance.now() });
  process.disconnect();
  peer.close();
});
peer.send(`<presence xmlns="jabber:client"/>`);
// The presence itself comes back from a server that has others to tell.
setTimeout(() => ((count = 0), process.send("ready")), 200);
