// An app's server that opens a session over BOSH for a page, which attaches to it.

const BIND = 'urn:ietf:params:xml:ns:xmpp-bind';
const SASL = 'urn:ietf:params:xml:ns:xmpp-sasl';

/**
 * Logs in with PLAIN and binds a resource.
 * @returns the session: its full JID, its sid, and the rid of the next request
 */
export async function prebind(service, account, password) {
  const [user, domain] = account.split('@');
  let rid = 1_000_000;
  let sid = '';
  const ask = async (attributes, stanzas = '') => {
    const session = sid && `sid="${sid}"`;
    const body = `<body xmlns="http://jabber.org/protocol/httpbind" rid="${rid++}" ${session} ${attributes}>${stanzas}</body>`;
    const headers = { 'Content-Type': 'text/xml; charset=utf-8' };
    return (await fetch(service, { method: 'POST', headers, body })).text();
  };
  const stream = `to="${domain}" xml:lang="en" xmlns:xmpp="urn:xmpp:xbosh"`;
  /** What matches in the answer, or in the answer to one of the polls after it. */
  const hear = async (answer, pattern) => {
    for (let poll = 0; poll < 5; poll++) {
      const found = pattern.exec(answer);
      if (found) return found[1];
      answer = await ask('');
    }
    throw new Error(`no answer matches ${pattern}`);
  };
  const opened = await ask(`${stream} wait="60" hold="1" ver="1.6" xmpp:version="1.0"`);
  sid = /\ssid=["']([^"']+)/.exec(opened)[1];
  await hear(opened, /(<mechanism>PLAIN)/);
  const response = Buffer.from(`\0${user}\0${password}`).toString('base64');
  await hear(await ask('', `<auth xmlns="${SASL}" mechanism="PLAIN">${response}</auth>`), /(<success)/);
  await hear(await ask(`${stream} xmpp:restart="true"`), /(<bind)/);
  const bind = `<iq xmlns="jabber:client" type="set" id="bind"><bind xmlns="${BIND}"/></iq>`;
  const jid = await hear(await ask('', bind), /<jid>([^<]*)/);
  return { jid, sid, rid };
}
