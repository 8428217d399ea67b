// JIDs in other spellings and names behind prefixes, with the browser's own Unicode, URL parser and DOM.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { eventually } from './apps.mjs';
import { BROWSERS } from './browsers.mjs';
import { SASL, startScripted } from './scripted.mjs';
import { Stage } from './stage.mjs';

const CLIENT = 'jabber:client';
const FRAMING = 'urn:ietf:params:xml:ns:xmpp-framing';
const STREAMS = 'http://etherx.jabber.org/streams';
const BIND = 'urn:ietf:params:xml:ns:xmpp-bind';

/** A server that gives every name a prefix. */
function prefixed(jid) {
  let authenticated = false;
  return (frame) => {
    if (frame.startsWith('<open')) {
      const mechanisms = `<m:mechanisms xmlns:m="${SASL}"><m:mechanism>PLAIN</m:mechanism></m:mechanisms>`;
      const features = authenticated ? `<b:bind xmlns:b="${BIND}"/>` : mechanisms;
      return [
        `<?xml version="1.0"?><f-1:open xmlns:f-1="${FRAMING}" from="localhost" id="s" version="1.0"/>`,
        `<s.é:features xmlns:s.é="${STREAMS}">${features}</s.é:features>`,
      ];
    }
    if (frame.startsWith('<auth')) {
      authenticated = true;
      return [`<sasl:success xmlns:sasl="${SASL}"/>`];
    }
    const id = /\bid=["']([^"']*)/.exec(frame)?.[1];
    if (frame.includes(BIND)) {
      return [
        `<c:iq xmlns:c="${CLIENT}" type="result" id="${id}"><b:bind xmlns:b="${BIND}"><b:jid>${jid}</b:jid></b:bind></c:iq>`,
      ];
    }
    return undefined;
  };
}

for (const name of BROWSERS) {
  describe(`in ${name}`, () => {
    let stage;
    before(async () => (stage = await Stage.open(name, null)));
    after(() => stage?.close());

    /** Connected tabs, each with its own spelling of the account. */
    async function connected(t, server, spellings) {
      t.after(() => server.stop());
      const scene = await stage.scene(t, { service: server.ws });
      const tabs = [];
      for (const jid of spellings) {
        const tab = await scene.open();
        await tab.connect(jid, 'secret');
        await tab.up();
        tabs.push(tab);
      }
      return tabs;
    }

    test('one account has one session in every spelling, and the server gets the first', async (t) => {
      const server = await startScripted({ jid: 'müller@xn--bcher-kva.example/x' });
      const tabs = await connected(t, server, [
        'MÜLLER@bücher.example/x',
        'mu\u0308ller@xn--bcher-kva.example',
        'Müller@BÜCHER.example.',
        'ｍüller@bu\u0308cher.EXAMPLE/elsewhere',
      ]);
      for (const tab of tabs.slice(1)) assert.equal((await tab.statuses()).at(-1), 'ATTACHED');
      assert.equal(server.streams.length, 1);
      assert.match(server.streams[0].frames[0], /to=['"]bücher\.example['"]/);
      const locks = await tabs[0].evaluate(async () =>
        (await navigator.locks.query()).held.map(({ name }) => name),
      );
      assert.deepEqual(
        locks.filter((lock) => lock.startsWith('epode-session')).map((lock) => lock.trim().split(' ').at(-1)),
        ['müller@xn--bcher-kva.example'],
      );
    });

    test('an answer counts from the same JID in any spelling, and from no other', async (t) => {
      const server = await startScripted();
      const [tab] = await connected(t, server, ['alice@localhost']);
      const [stream] = server.streams;
      for (const [index, [to, from, same]] of [
        ['MÜLLER@chat.example', 'müller@chat.example', true],
        ['mu\u0308ller@chat.example/x', 'müller@chat.example/x', true],
        ['ｊｕｌｉｅｔ@chat.example', 'juliet@chat.example', true],
        ['ｶﾞ@chat.example', 'ガ@chat.example', true],
        ['ΣΊΣΥΦΟΣ@chat.example', 'σίσυφος@chat.example', true],
        ['romeo@BÜCHER.example', 'romeo@xn--bcher-kva.example', true],
        ['romeo@xn--bcher-kva.example./x', 'romeo@bücher.example/x', true],
        ['room@muc.example/ﬁｎ', 'room@muc.example/fin', true],
        ['straße@chat.example', 'strasse@chat.example', false],
        ['İ@chat.example', 'i@chat.example', false],
        ['a@faß.de', 'a@fass.de', false],
        ['room@muc.example/Nick', 'room@muc.example/nick', false],
      ].entries()) {
        const id = `q${index}`;
        const answer = tab.ask(
          `<iq type="get" id="${id}" to="${to}"><query xmlns="jabber:iq:version"/></iq>`,
          same ? 10_000 : 300,
        );
        const sent = await stream.frame(new RegExp(`id="${id}"`));
        assert.ok(sent.includes(`to="${to}"`), sent);
        stream.send(`<iq xmlns="${CLIENT}" type="result" id="${id}" from="${from}"/>`);
        assert.equal(Boolean((await answer).ok), same, `${to} ${from}`);
      }
    });

    test('a handler matches its sender in any spelling', async (t) => {
      const server = await startScripted();
      const [tab] = await connected(t, server, ['alice@localhost']);
      await tab.evaluate(() => {
        window.from = {};
        for (const [sender, bare] of [
          ['MU\u0308LLER@Bücher.example', true],
          ['müller@bücher.example/X', false],
          ['müller@bücher.example/x', false],
          ['straße@chat.example', false],
        ]) {
          window.from[sender] = [];
          const note = (message) => window.from[sender].push(message.getAttribute('id'));
          connection.addHandler(note, null, 'message', null, null, sender, { matchBareFromJid: bare });
        }
      });
      for (const [id, from] of Object.entries({
        a: 'müller@xn--bcher-kva.example/x',
        b: 'strasse@chat.example',
        c: 'STRAßE@chat.example',
        d: 'alice@localhost',
      })) {
        server.streams[0].send(
          `<message xmlns="${CLIENT}" id="${id}" from="${from}"><body>${id}</body></message>`,
        );
      }
      await tab.eventually('the last', ({ messages }) => messages.includes('d'));
      assert.deepEqual(await tab.evaluate(() => window.from), {
        'MU\u0308LLER@Bücher.example': ['a'],
        'müller@bücher.example/X': [],
        'müller@bücher.example/x': ['a'],
        'straße@chat.example': ['c'],
      });
    });

    test('a push from the own account reaches all tabs, one from a stranger none', async (t) => {
      const server = await startScripted({ jid: 'müller@localhost/x' });
      const tabs = await connected(t, server, ['müller@localhost/x', 'MÜLLER@localhost']);
      for (const tab of tabs) {
        await tab.evaluate(() => {
          window.pushed = [];
          connection.addHandler(
            (iq) => (window.pushed.push(iq.getAttribute('id')), true),
            'jabber:iq:roster',
            'iq',
            'set',
          );
        });
      }
      const [stream] = server.streams;
      const push = (id, from) =>
        `<iq xmlns="${CLIENT}" type="set" id="${id}"${from}><query xmlns="jabber:iq:roster"/></iq>`;
      stream.send(push('stranger', ' from="eve@localhost"'));
      stream.send(push('other', ' from="müller@localhost/other"'));
      stream.send(push('full', ' from="müller@localhost/x"'));
      stream.send(push('spelt', ' from="MU\u0308LLER@localhost"'));
      stream.send(push('none', ''));
      for (const tab of tabs) {
        await eventually('the last push', () => tab.evaluate(() => window.pushed.includes('none')));
        assert.deepEqual(await tab.evaluate(() => window.pushed), ['full', 'spelt', 'none']);
      }
      for (const id of ['stranger', 'other'])
        assert.match(await stream.frame(new RegExp(`id="${id}"`)), /service-unavailable/);
    });

    test('names are compared with their namespaces, whatever the prefix, in every frame', async (t) => {
      const jid = 'alice@localhost/scripted';
      const server = await startScripted({ answer: prefixed(jid) });
      const tabs = await connected(t, server, [jid, jid]);
      assert.equal(server.streams.length, 1);
      const [stream] = server.streams;
      for (const tab of tabs) {
        await tab.evaluate(() => {
          window.names = {};
          window.differs = [];
          for (const name of ['message', 'c:message', 'x:message', 'presence', null]) {
            window.names[name] = [];
            connection.addHandler(
              (stanza) => window.names[name].push(stanza.getAttribute('id')),
              name ? null : 'urn:x',
              name,
            );
          }
          connection.addHandler(
            (stanza) => {
              const text = new XMLSerializer().serializeToString(stanza);
              const parsed = new DOMParser().parseFromString(text, 'text/xml').documentElement;
              if (
                !stanza.isEqualNode(parsed) ||
                stanza.namespaceURI !== 'jabber:client' ||
                stanza.prefix !== 'c'
              )
                window.differs.push(text);
              return true;
            },
            null,
            'c:message',
          );
        });
      }
      stream.send(`<x:message xmlns:x="urn:other" id="no"><x:body>no</x:body></x:message>`);
      stream.send(`<c:message xmlns:c="urn:other" xmlns="${CLIENT}" id="no"><body>no</body></c:message>`);
      for (const id of [1, 2, 3]) {
        stream.send(
          `<c:message xmlns:c="${CLIENT}" id="${id}" from="bob@localhost/x"><c:body>b${id}</c:body><y:z xmlns:y="urn:x" y:a="${id}" xmlns="urn:y"><z/></y:z></c:message>`,
        );
      }
      for (const tab of tabs) {
        // A handler that returned nothing got only the first message.
        await tab.eventually('the last message', ({ messages }) => messages.length >= 3 || undefined);
        assert.deepEqual(await tab.evaluate(() => window.differs), []);
        const heard = await tab.evaluate(() => window.names);
        assert.deepEqual(heard.message.at(0), '1');
        assert.deepEqual(heard['c:message'].at(0), '1');
        assert.deepEqual(heard.null.at(0), '1');
        assert.deepEqual([heard['x:message'], heard.presence], [[], []]);
      }
      // Answers and requests in both directions.
      const asked = tabs.map((tab) =>
        tab.ask(
          `<q:iq xmlns:q="${CLIENT}" type="get" id="same" to="bob@localhost"><query xmlns="jabber:iq:version"/></q:iq>`,
          10_000,
        ),
      );
      const sent = await eventually('both questions', () => {
        const sent = stream.frames.filter((frame) => frame.includes('jabber:iq:version'));
        return sent.length === 2 && sent;
      });
      for (const frame of sent) {
        assert.ok(frame.startsWith('<iq '), 'servers do not all know prefixes');
        stream.send(
          `<c:iq xmlns:c="${CLIENT}" type="result" id="${/ id=['"]([^'"]*)/.exec(frame)[1]}" from="bob@localhost"/>`,
        );
      }
      for (const answer of await Promise.all(asked)) assert.match(answer.ok, /^<c:iq .*id="same"/);
      stream.send(
        `<c:iq xmlns:c="${CLIENT}" type="get" id="ask" from="bob@localhost/x"><d:query xmlns:d="jabber:iq:version"/></c:iq>`,
      );
      assert.match(await stream.frame(/id="ask"/), /service-unavailable/);
      stream.send(
        `<s:error xmlns:s="${STREAMS}"><e:conflict xmlns:e="urn:ietf:params:xml:ns:xmpp-streams"/></s:error>`,
      );
      for (const tab of tabs) assert.equal((await tab.status('DISCONNECTED')).condition, 'conflict');
    });
  });
}
