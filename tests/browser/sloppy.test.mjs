// Servers, proxies and contacts that break rules end no session, and nothing of their traffic is
// lost silently.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { BROWSERS } from './browsers.mjs';
import { bound, opening, startScripted } from './scripted.mjs';
import { Stage } from './stage.mjs';

const STREAMS = 'http://etherx.jabber.org/streams';
const FRAMING = 'urn:ietf:params:xml:ns:xmpp-framing';

const message = (body) =>
  `<message xmlns="jabber:client" from="romeo@localhost/x"><body>${body}</body></message>`;
const streamError = (condition) =>
  `<stream:error xmlns:stream="${STREAMS}"><${condition} xmlns="urn:ietf:params:xml:ns:xmpp-streams"/></stream:error>`;

/** Relayed stanzas that are not permitted XML, and the rule that each breaks. */
const GARBLED = [
  [
    `<message xmlns='jabber:client' from='romeo@chat.example'><jabber:x:oob xmlns='x'/></message>`,
    'not-well-formed',
  ],
  [message('R&D'), 'not-well-formed'],
  [message('<!-- a comment -->'), 'restricted-xml'],
  [`<presence xmlns="jabber:client"><show>&nbsp;</show></presence>`, 'restricted-xml'],
  [`<iq xmlns="jabber:client" type="get" id="1"><x:query/></iq>`, 'bad-namespace-prefix'],
  [`<message xmlns="jabber:client"`, 'not-well-formed'],
];

for (const name of BROWSERS) {
  describe(`in ${name}`, () => {
    let stage;
    before(async () => (stage = await Stage.open(name)));
    after(() => stage?.close());

    /** Two tabs on a scripted server. */
    async function online(t, script = {}) {
      const server = await startScripted(script);
      t.after(() => server.stop());
      const scene = await stage.scene(t, { service: server.ws, quiet: false });
      const tabs = [await scene.open(), await scene.open()];
      for (const tab of tabs) {
        await tab.evaluate(() => {
          window.gaps = [];
          connection.onGap = (gap) => gaps.push(gap);
        });
        await tab.connect('alice@localhost', 'x');
        await tab.up();
      }
      return { server, scene, tabs, stream: server.streams.at(-1) };
    }

    test('a frame that is no XML is dropped, every tab hears onGap, and the next is read', async (t) => {
      const { server, tabs, stream } = await online(t);
      let arrived = 0;
      for (const [frame, reason] of GARBLED) {
        stream.send(frame);
        stream.send(message(`behind ${++arrived}`));
        for (const tab of tabs) {
          await tab.eventually('the message behind it', ({ messages }) => messages.length === arrived);
          await tab.eventually('a line in the log', ({ log }) =>
            log.some((line) => line.includes(`of ${frame.length} bytes`)),
          );
        }
        // Tabs hear of it once a second at most.
        await new Promise((resolve) => setTimeout(resolve, 1_100));
        for (const tab of tabs) {
          const gaps = await tab.evaluate(() => gaps.splice(0));
          assert.equal(gaps.length, 1, frame);
          const [{ from, to, count, reason: told }] = gaps;
          assert.deepEqual([to - from, count, told], [0, 1, reason], frame);
        }
      }
      for (const tab of tabs) assert.ok((await tab.statuses()).every((status) => status !== 'RECONNECTING'));
      assert.equal(server.streams.length, 1);
    });

    test('white space, empty and binary frames, and frames without xmlns are understood', async (t) => {
      const script = {
        // During the negotiation too.
        answer(frame) {
          if (frame.startsWith('<auth'))
            return [' ', '', '\n', `<success xmlns="urn:ietf:params:xml:ns:xmpp-sasl"/>`];
          if (frame.startsWith('<iq') && frame.includes('xmpp-bind')) {
            return [
              '',
              bound(frame, '<jid>alice@localhost/scripted</jid>').replace(` xmlns="jabber:client"`, ''),
            ];
          }
        },
      };
      const { server, tabs, stream } = await online(t, script);
      for (const blank of [' ', '', '\r\n']) stream.send(blank);
      stream.send(Buffer.from(message('binary ü')));
      stream.send(
        `<message from="romeo@localhost/x" type="chat"><body>bare</body><x xmlns="urn:example:x"/></message>`,
      );
      for (const tab of tabs) {
        await tab.eventually('the messages', ({ messages }) => messages.length === 2);
        assert.deepEqual((await tab.heard()).messages, ['binary ü', 'bare']);
        assert.deepEqual(await tab.evaluate(() => gaps), []);
      }
      assert.equal(server.streams.length, 1);
    });

    test('a stanza that ended the stream is not sent again, and the session goes on', async (t) => {
      const { server, tabs, stream } = await online(t);
      await tabs[0].say('bob@localhost', 'too large');
      await stream.frame(/too large/);
      stream.send(streamError('policy-violation'));
      for (const tab of tabs) {
        assert.equal((await tab.status('RECONNECTING')).condition, 'policy-violation');
        await tab.eventually('the way back', ({ statuses }) => statuses.at(-1).status === 'CONNECTED');
      }
      await tabs[1].say('bob@localhost', 'afterwards');
      await server.streams.at(-1).frame(/afterwards/);
      assert.ok(!server.streams.at(-1).frames.some((frame) => frame.includes('too large')));
      // The error ended the former stream only.
      assert.equal(server.streams.length, 2);
    });

    test('a server in trouble for a while is dialled again, and each new cause reported', async (t) => {
      let dials = 0;
      const script = {
        answer(frame) {
          if (frame.startsWith('<open') && frame.includes('to=') && ++dials > 2 && dials < 6) {
            const [open] = opening('');
            if (dials === 3) return [open.replace(` version="1.0"`, ''), streamError('host-unknown')];
            if (dials === 4) return opening(`<mechanisms xmlns="urn:ietf:params:xml:ns:xmpp-sasl"/>`);
            return [`<close xmlns="${FRAMING}" see-other-uri="wss://other.example/"/>`];
          }
        },
      };
      const { tabs, stream } = await online(t, script);
      stream.socket.terminate();
      for (const tab of tabs) {
        await tab.status('RECONNECTING');
        await tab.eventually(
          'the way back',
          ({ statuses }) => statuses.at(-1).status === 'CONNECTED',
          // The fourth dial is due within 64 s.
          80_000,
        );
      }
      for (const tab of tabs) {
        const { statuses } = await tab.heard();
        const causes = statuses
          .filter(({ status }) => status === 'RECONNECTING')
          .map(({ condition }) => condition);
        assert.match(causes[0], /connection was lost/);
        assert.deepEqual(causes.slice(1, 3), ['host-unknown', 'no-auth-mech']);
        assert.ok(!statuses.some(({ status }) => /DISCONNECTED|REDIRECT|CONNFAIL|ERROR/.test(status)));
      }
    });

    test('a tab that joins while the session is down hears why, and can log out', async (t) => {
      let busy = false;
      const script = {
        answer: (frame) =>
          busy && frame.startsWith('<auth')
            ? [`<failure xmlns="urn:ietf:params:xml:ns:xmpp-sasl"><not-authorized/></failure>`]
            : undefined,
      };
      const { scene, tabs, stream } = await online(t, script);
      busy = true;
      stream.socket.terminate();
      for (const tab of tabs) {
        await tab.eventually('the refusal', ({ statuses }) =>
          statuses.some(({ condition }) => condition === 'not-authorized'),
        );
      }
      const late = await scene.open();
      await late.connect('alice@localhost', 'x');
      assert.equal((await late.status('RECONNECTING', 5_000)).condition, 'not-authorized');
      assert.equal(await late.evaluate(() => connection.connected), false);
      // The late tab is in the session, so this is a logout for all.
      await late.evaluate(() => connection.disconnect());
      for (const tab of [...tabs, late]) await tab.status('DISCONNECTED');
    });

    test('a request with an oversized id of quotes does not end the stream', async (t) => {
      const limits = `<limits xmlns="urn:xmpp:stream-limits:0"><max-bytes>10000</max-bytes></limits>`;
      let authenticated = false;
      const script = {
        answer(frame) {
          if (frame.startsWith('<auth')) authenticated = true;
          if (frame.startsWith('<open') && authenticated)
            return opening(`<bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"/>${limits}`);
        },
      };
      const { tabs, stream } = await online(t, script);
      const ask = (id) =>
        stream.send(
          `<iq xmlns="jabber:client" type="get" from="romeo@localhost/x" id="${id}"><query xmlns="urn:example:x"/></iq>`,
        );
      ask("'".repeat(9_000));
      ask('behind');
      await stream.frame(/^<iq[^>]*id=["']behind/);
      assert.ok(stream.frames.every((frame) => Buffer.byteLength(frame) <= 10_000));
      for (const tab of tabs)
        await tab.eventually('a line in the log', ({ log }) =>
          log.some((line) => line.includes('10000 are allowed')),
        );
    });

    test('host-unknown after an <open/> without a version is reported', async (t) => {
      const answer = (frame) => {
        if (frame.startsWith('<open'))
          return [opening('')[0].replace(` version="1.0"`, ''), streamError('host-unknown')];
      };
      const server = await startScripted({ answer });
      t.after(() => server.stop());
      const scene = await stage.scene(t, { service: server.ws, quiet: false });
      const tab = await scene.open();
      await tab.connect('alice@localhost', 'x');
      assert.equal((await tab.status('CONNFAIL')).condition, 'host-unknown');
    });

    test('stanzas between bind and the legacy session arrive once the session is up', async (t) => {
      const BIND = `<bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"/>`;
      let authenticated = false;
      const script = {
        answer(frame) {
          if (frame.startsWith('<auth')) authenticated = true;
          if (frame.startsWith('<open') && authenticated)
            return opening(`${BIND}<session xmlns="urn:ietf:params:xml:ns:xmpp-session"/>`);
          if (frame.startsWith('<iq') && frame.includes('xmpp-bind')) {
            const ping = `<iq xmlns="jabber:client" type="get" id="early" from="localhost"><ping xmlns="urn:xmpp:ping"/></iq>`;
            return [
              message('first'),
              bound(frame, '<jid>alice@localhost/scripted</jid>'),
              message('second'),
              ping,
            ];
          }
          if (frame.includes('xmpp-session'))
            return [`<iq xmlns="jabber:client" type="result" id="epode-session"/>`];
        },
      };
      const { tabs, stream } = await online(t, script);
      await tabs[0].eventually('both', ({ messages }) => messages.length === 2);
      assert.deepEqual((await tabs[0].heard()).messages, ['first', 'second']);
      await stream.frame(/^<iq[^>]*id=["']early/);
    });

    test('a resource that the server still keeps for the lost stream is replaced', async (t) => {
      let binds = 0;
      const script = {
        answer(frame) {
          if (!frame.startsWith('<iq') || !frame.includes('xmpp-bind')) return undefined;
          const resource = /<resource>([^<]*)/.exec(frame)?.[1] ?? 'balcony';
          if (++binds === 2) {
            return [
              `<iq xmlns="jabber:client" type="error" id="epode-bind"><error type="cancel"><conflict xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/></error></iq>`,
            ];
          }
          return [bound(frame, `<jid>alice@localhost/${resource}</jid>`)];
        },
      };
      const { server, tabs, stream } = await online(t, script);
      stream.socket.terminate();
      for (const tab of tabs) {
        await tab.status('RECONNECTING');
        await tab.eventually('the way back', ({ statuses }) => statuses.at(-1).status === 'CONNECTED');
        assert.match(await tab.evaluate(() => connection.jid), /^alice@localhost\/balcony-\w{4,8}$/);
        assert.ok(!(await tab.statuses()).includes('AUTHFAIL'));
      }
      assert.equal(server.streams.length, 2, 'on the same stream');
    });
  });
}
