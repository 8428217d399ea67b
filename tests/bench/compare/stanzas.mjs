// The stanzas of a flood.

/** Sizes in bytes: a chat message of a sentence, and one with extensions and a long text. */
export const SIZES = { '300 B': 300, '2 KB': 2_048 };

/** Ends a flood: a tab that handles the mark has handled every earlier stanza. */
export const mark = (to) =>
  `<message xmlns="jabber:client" to="${to}" type="normal"><end xmlns="urn:epode:bench"/></message>`;

/**
 * An ASCII message of exactly `size` bytes. Its `id` is a letter and a number that grows from
 * stanza to stanza.
 */
export function message({ to, number, size = 300, type = 'chat' }) {
  const id = `m${number}`;
  const begin = `<message xmlns="jabber:client" from="juliet@capulet.lit/balcony" to="${to}" type="${type}" id="${id}"><body>`;
  // Archiving by the server is not to be measured (XEP-0334).
  let end = `</body><no-store xmlns="urn:xmpp:hints"/>`;
  if (size > 1_000) {
    for (let i = 0; i < 10; i++)
      end += `<x xmlns="urn:example:${i}"><item role="participant" jid="nick${i}@capulet.lit"/></x>`;
    end += `<stanza-id xmlns="urn:xmpp:sid:0" by="capulet.lit" id="${id}"/>`;
  }
  end += '</message>';
  const room = size - begin.length - end.length;
  if (room < 0) throw new Error(`a message of ${size} bytes has no room for a body`);
  return begin + 'Wherefore art thou Romeo? '.repeat(Math.ceil(room / 26)).slice(0, room) + end;
}
