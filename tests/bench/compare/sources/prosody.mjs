// A real server as the source: a contact of the account writes to it, on a connection of its own.

import { Peer } from '../../../browser/peer.mjs';
import { startProsody } from '../../../servers/prosody.mjs';

const PASSWORD = 'secret';

/**
 * Starts Prosody, and answers with how to open a source on it: an account and a contact that nobody used
 * before.
 */
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
        account: { service: server.ws, jid, password: PASSWORD },
        contact: contact.jid,
        // Longer ones it passes on so slowly that they say nothing about who reads them.
        sizes: { '300 B': 300 },
        prepare(stanzas) {
          // The server puts the sender's address itself.
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

/** Answers when so many messages have come in. */
function messages(contact, count) {
  return new Promise((resolve) => {
    let missing = count;
    const hear = (data) => {
      if (!data.toString().startsWith('<message') || --missing > 0) return;
      contact.socket.off('message', hear);
      resolve();
    };
    contact.socket.on('message', hear);
  });
}
