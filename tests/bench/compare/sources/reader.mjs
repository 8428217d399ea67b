// A client that only counts, in a process that alone.mjs starts and ends. At each mark it reports
// the number of messages before the mark, and the time.

import { Peer } from '../../../browser/peer.mjs';

const [ws, jid, password, contact] = process.argv.slice(2);
const [user, domain] = jid.split('@');
const peer = await Peer.login({ ws, domain }, user, password);
peer.socket.removeAllListeners('message');
let count = 0;
peer.socket.on('message', (data) => {
  if (!data.includes('<message')) return;
  count++;
  if (!data.includes('urn:epode:bench')) return;
  process.send({ count: count - 1, at: performance.timeOrigin + performance.now() });
  count = 0;
});
peer.send(`<presence xmlns="jabber:client"/>`);
peer.send(`<message xmlns="jabber:client" to="${contact}" type="chat"><body>ready</body></message>`);
