// A tab that sends numbered messages to its own account, and keeps a book of what it sent and heard. The
// book outlives a reload in sessionStorage.

import * as epode from '../epode.js';

const { $msg, $pres, Strophe } = epode;
const { ATTACHED, CONNECTED } = Strophe.Status;
const names = Object.fromEntries(Object.entries(Strophe.Status).map(([name, number]) => [number, name]));

const kept = JSON.parse(sessionStorage.getItem('book'));
const book = (window.book = kept ?? { heard: [], sent: {}, statuses: [], gaps: [] });
/** The names of this tab's messages begin with this: each life of the tab counts anew. */
let name = '';
let sent = 0;
addEventListener('pagehide', () => sessionStorage.setItem('book', JSON.stringify(book)));

/** Connects; `life` names the messages of this page. */
window.join = (life, service, options, jid, password) => {
  name = life;
  const connection = (window.connection = new Strophe.Connection(service, options));
  connection.onGap = (gap) => book.gaps.push(gap);
  connection.connect(jid, password, (status, condition, _element, reason) => {
    const resumed = connection.hasResumed?.() ?? false;
    book.statuses.push({ status: names[status], condition, reason, resumed, at: Date.now() });
    if (status !== CONNECTED && status !== ATTACHED) return;
    connection.addHandler(
      (message) => (book.heard.push(message.getAttribute('id')), true),
      null,
      'message',
      'chat',
    );
    if (status === CONNECTED && !resumed) connection.send($pres());
  });
};

/** Sends that many messages of random length. */
window.say = (count, lengths) => {
  const to = Strophe.getBareJidFromJid(connection.jid);
  for (let index = 0; index < count; index++) {
    const id = `${name}:${sent++}`;
    book.sent[id] = { status: 'pending' };
    const body = 'x'.repeat(lengths[index % lengths.length]);
    connection.send($msg({ to, id, type: 'chat' }).c('body').t(body)).then(
      (receipt) => settle(id, receipt),
      (error) => (book.sent[id] = { status: 'rejected', condition: String(error) }),
    );
  }
};

function settle(id, receipt) {
  receipt.acknowledged.then((fate) => (book.sent[id] = fate));
}

window.ready = true;
