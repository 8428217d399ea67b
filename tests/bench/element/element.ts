/**
 * The cost of an element: by cloning a known shape, by the tokeniser alone, and by one DOMParser
 * call per stanza.
 *
 * `bench(way)` runs in a page of its own and returns microseconds per stanza: for the first 200
 * stanzas, before the browser has compiled anything, and for the best of many short rounds, which a
 * busy machine disturbs little.
 */
import { parseStanza } from '../../../client-shim/ts/parse.ts';
import { tokenise } from '../../../client-shim/ts/tokeniser.ts';

const ROUNDS = 60;

/** A chat message of 300 bytes and a groupchat message of 2 KB, with values that vary as in practice. */
const STANZAS: Record<string, (i: number) => string> = {
  '300 B': (i) =>
    `<message xmlns="jabber:client" from="juliet@capulet.lit/balcony${i % 7}" to="romeo@montague.lit/orchard" type="chat" id="m${i}">` +
    `<body>Art thou not Romeo, and a Montague? Speak, ${i}</body><active xmlns="http://jabber.org/protocol/chatstates"/>` +
    `<origin-id xmlns="urn:xmpp:sid:0" id="m${i}"/></message>`,
  '2 KB': (i) =>
    `<message xmlns="jabber:client" from="room@muc.capulet.lit/nick${i % 7}" to="romeo@montague.lit/orchard" type="groupchat" id="m${i}">` +
    `<body>${'Wherefore art thou Romeo? &amp; '.repeat(30)}${i}</body>` +
    Array.from(
      { length: 10 },
      (_, k) => `<x xmlns="urn:example:${k}"><item role="participant" jid="nick${i}@b"/></x>`,
    ).join('') +
    `<stanza-id xmlns="urn:xmpp:sid:0" by="room@muc.capulet.lit" id="s${i}"/></message>`,
};

const WAYS: Record<string, (text: string) => Element> = {
  'known shape': parseStanza,
  tokeniser: tokenise,
  DOMParser: (text) => new DOMParser().parseFromString(text, 'text/xml').documentElement,
};

/** The names of the ways. */
export const ways = Object.keys(WAYS);

/** Microseconds per stanza by size, for one way. */
export async function bench(way: string): Promise<Record<string, { first: number; best: number }>> {
  const parse = WAYS[way]!;
  // The first call of the parser initializes the DOM, which is not measured.
  new DOMParser().parseFromString('<a/>', 'text/xml');
  const found: Record<string, { first: number; best: number }> = {};
  let kept = 0;
  let serial = 0;
  for (let round = 0; round < ROUNDS; round++) {
    for (const [size, make] of Object.entries(STANZAS)) {
      const texts = Array.from({ length: 200 }, () => make(serial++));
      const start = performance.now();
      for (const text of texts) kept += parse(text).childNodes.length;
      const each = ((performance.now() - start) * 1_000) / texts.length;
      const row = (found[size] ??= { first: each, best: each });
      row.best = Math.min(row.best, each);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
  if (!kept) throw new Error('nothing was parsed');
  return found;
}

Object.assign(globalThis, { bench, ways });
