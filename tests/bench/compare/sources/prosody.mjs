// A real server as the source: a contact of the account sends messages, on a connection of its own.

import { Peer } from '../../../browser/peer.mjs';
import { startProsody } from '../../../servers/prosody.mjs';

const PASSWORD = 'secret';

/** Starts Prosody. `open` makes a source of it, with a new account and a new contact. */
export async function startProsodySources() {
  const server = await startProsody({ level: 'warn' });
  let accounts = 0;
  return {
    stop: server.stop,
    async open() {
      const number = ++accounts;
      const jid = await server.register(`romeo${number}`, PASSWORD);
      await server.register(`juliet${number}`, PASSWORD);
      const contact = await Peer.login(server, `juliet${number}`, PASSWORD);
      return {
        name: 'prosody',
        account: { service: server.ws, http: server.http, jid, password: PASSWORD },
        contact: contact.jid,
        // Prosody relays longer stanzas so slowly that their rate says nothing about the readers.
        sizes: { '300 B': 300 },
        prepare(stanzas) {
          // The server adds the sender's address.
          const texts = stanzas.map((stanza) => stanza.replace(/ from="[^"]*"/, ''));
          return () => texts.forEach((text) => contact.send(text));
        },
        received: (count) => messages(contact, count),
        async stop() {
          contact.close();
        },
      };
    },
  };
}

/** Resolves with the time when `count` messages have arrived. */
function messages(contact, count) {
  return new Promise((resolve) => {
    let missing = count;
    const hear = (data) => {
      if (!data.toString().startsWith('<message') || --missing > 0) return;
      contact.socket.off('message', hear);
      resolve(performance.timeOrigin + performance.now());
    };
    contact.socket.on('message', hear);
  });
}
