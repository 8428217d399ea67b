// The logs when everything goes wrong: rules, names and lengths, but no content, JID or address.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { eventually } from './apps.mjs';
import { BROWSERS } from './browsers.mjs';
import { back } from './life.mjs';
import { SASL, startScripted } from './scripted.mjs';
import { Stage } from './stage.mjs';

/** Marks everything that must not appear in a log. */
const MARK = 'tybalt';
const STRANGER = `${MARK}@elsewhere.example/x`;
const STREAMS = 'http://etherx.jabber.org/streams';

/** Frames of a server, each of which is logged. */
const FRAMES = {
  'text that is no XML': [
    `<message xmlns="jabber:client" from="${STRANGER}"><body>${MARK} & ${MARK}</body></message>`,
    /dropped <message> of \d+ bytes/,
  ],
  'a prefix that is not declared': [
    `<message xmlns="jabber:client"><${MARK}:x/></message>`,
    /dropped <message> of \d+ bytes/,
  ],
  'an answer that nobody asked for': [
    `<iq xmlns="jabber:client" type="result" id="${MARK}" from="${STRANGER}"><x xmlns="${MARK}"/></iq>`,
    /dropped <iq> of \d+ bytes: it answers/,
  ],
  'a request without id': [
    `<iq xmlns="jabber:client" type="get" from="${STRANGER}"><query xmlns="${MARK}"/></iq>`,
    /dropped <iq> of \d+ bytes: a request without id/,
  ],
  'an iq of no known type': [
    `<iq xmlns="jabber:client" type="${MARK}" id="1" from="${STRANGER}"/>`,
    /dropped <iq> of \d+ bytes: an iq of no known type/,
  ],
};

/** Stanzas of an app, each of which its own log mentions. */
const STANZAS = {
  'no XML': [`<message to="${STRANGER}"><body>${MARK}`, /a stanza was not sent: [\w-]+$/],
  "somebody else's": [
    `<message from="${STRANGER}"><body>${MARK}</body></message>`,
    /a stanza was not sent: invalid-from$/,
  ],
  'no stanza': [`<x xmlns="${MARK}">${MARK}</x>`, /a stanza was not sent: [\w-]+$/],
  'an iq of no known type': [`<iq type="${MARK}" id="${MARK}"/>`, /a stanza was not sent: invalid-iq-type$/],
  'an answer to nothing': [
    `<iq type="result" id="${MARK}" to="${STRANGER}"/>`,
    /a stanza was not sent: not-asked$/,
  ],
};

for (const name of BROWSERS) {
  for (const isShared of [true, false]) {
    describe(`in ${name}, ${isShared ? 'with' : 'without'} a worker`, () => {
      let stage;
      before(async () => (stage = await Stage.open(name, null)));
      after(() => stage?.close());

      test('no log has content, foreign JIDs, error texts or queries of addresses', async (t) => {
        let refuses = false;
        const refusal = `<failure xmlns="${SASL}"><not-authorized/><text>${MARK}</text></failure>`;
        const answer = (frame) => (refuses && frame.startsWith('<auth') ? [refusal] : undefined);
        const servers = [
          await startScripted({ answer }),
          await startScripted({ jid: 'bob@localhost/scripted' }),
        ];
        for (const server of servers) t.after(() => server.stop());
        const [server, others] = servers;
        const scene = await stage.scene(t, { service: `${server.ws}?key=${MARK}`, quiet: false });
        const options = { worker: isShared ? `/epode-worker.js?${name}=${MARK}` : '' };
        const open = async (service) => {
          const tab = await scene.open({ service, options, path: `/pages/app.html?${MARK}` });
          await tab.evaluate(
            () => (epode.Strophe.log = (_, text) => (heard.log.push(text), console.debug(text))),
          );
          return tab;
        };
        stage.browser.lines.length = 0;
        const [tab, second, other] = [
          await open(scene.service),
          await open(scene.service),
          await open(`${others.ws}?key=${MARK}`),
        ];
        for (const one of isShared ? [tab, second] : [tab]) {
          await one.connect('alice@localhost', 'secret');
          await one.up();
        }
        await other.connect('bob@localhost', 'secret');
        await other.up();
        await other.evaluate(() => void (heard.log.length = 0));
        const line = (what, pattern, of = tab) =>
          of.eventually(`a line about ${what}`, ({ log }) => log.some((line) => pattern.test(line)));

        for (const [what, [frame, pattern]] of Object.entries(FRAMES)) {
          server.streams[0].send(frame);
          await line(what, pattern);
          if (isShared) await line(what, pattern, second);
          await tab.evaluate(() => void (heard.log.length = 0));
        }
        for (const [what, [stanza, pattern]] of Object.entries(STANZAS)) {
          // The receipt, which is for the app, says more.
          const { status } = await tab.evaluate((stanza) => connection.send(stanza), stanza);
          assert.equal(status, 'failed', what);
          await line(what, pattern);
          await tab.evaluate(() => void (heard.log.length = 0));
        }
        await tab.ask(`<iq type="set" from="${STRANGER}" to="${STRANGER}"><x xmlns="${MARK}"/></iq>`);
        await line("a question that is somebody else's", /an iq was not sent: invalid-from$/);

        // Exceptions of the app.
        await tab.evaluate((mark) => {
          const fail = () => {
            throw new SyntaxError(`${mark}\n${mark}`);
          };
          connection.addHandler(fail, null, 'message');
          connection.addHandler(
            () => {
              throw mark;
            },
            null,
            'message',
          );
          connection.addTimedHandler(1, fail);
          connection.rawInput = fail;
          connection.rawOutput = fail;
          connection.onForeignStanzaSent = fail;
          connection.addProtocolErrorHandler('websocket', 4001, fail);
          const { onStatus } = window;
          connection.connect_callback = (...status) => {
            onStatus(...status);
            fail();
          };
          connection.sendIQ(`<iq type="get"><ping xmlns="urn:xmpp:ping"/></iq>`, null, fail, 50);
        }, MARK);
        server.streams[0].send(
          `<message xmlns="jabber:client" from="${STRANGER}"><body>${MARK}</body></message>`,
        );
        await line('handlers that threw', /a handler is removed because it threw: SyntaxError\n/);
        await line('a handler that threw a text', /a handler is removed because it threw: string$/);
        await line('a callback that threw', /the callback of sendIQ threw: SyntaxError\n/);

        if (isShared) {
          await tab.evaluate(
            (worker, mark) => {
              const said = [
                { [mark]: mark },
                { Hello: { versions: mark } },
                { Connect: { service: mark, jid: mark, credentials: { password: mark } } },
                mark,
              ];
              const ports = said.map(
                () => new SharedWorker(worker, { name: 'epode', extendedLifetime: true }).port,
              );
              said.forEach((word, index) => ports[index].postMessage(word));
            },
            options.worker,
            MARK,
          );
          // This tab sends a forbidden stanza as it goes.
          await second.evaluate(
            (stranger) =>
              addEventListener('pagehide', () => void connection.send(`<message from="${stranger}"/>`)),
            STRANGER,
          );
          await second.page.goto(stage.web.url('/pages/client.html'));
          await line('a last word', /what port \d+ sent when it had left was not sent: invalid-from/);
        }

        // The text of the stream error, and of the next refusal.
        server.streams[0].send(
          `<stream:error xmlns:stream="${STREAMS}"><internal-server-error xmlns="urn:ietf:params:xml:ns:xmpp-streams"/><text xmlns="urn:ietf:params:xml:ns:xmpp-streams">${MARK}</text></stream:error>`,
        );
        await tab.status('RECONNECTING');
        await back(tab);
        server.streams.at(-1).socket.close(4001, MARK);
        await tab.eventually(
          'the second loss',
          ({ statuses }) => statuses.filter(({ status }) => status === 'RECONNECTING').length === 2,
        );
        await back(tab);
        await line('a callback for a code that threw', /addProtocolErrorHandler threw: SyntaxError\n/);
        refuses = true;
        const failed = await tab.evaluate(
          async (service, options, mark, nowhere) => {
            const attempts = [
              [service, options, `alice@localhost/${mark}`],
              [`${nowhere}?key=${mark}`, options, 'alice@localhost'],
              [`ws://[${mark}`, options, 'alice@localhost'],
              [service, options, `${mark}@@${mark}`],
              [service, { worker: `/nowhere.js?key=${mark}` }, 'alice@localhost'],
            ];
            const codes = [];
            for (const [service, options, jid] of attempts) {
              codes.push(
                await new Promise((over) => {
                  const connection = new epode.Strophe.Connection(service, options);
                  connection.send(`<message><body>${mark}</body></message>`);
                  connection.connect(jid, mark, (status) => (status === 2 || status === 4) && over(status));
                  connection.send(`<message><body>${mark}</body></message>`);
                }),
              );
            }
            return codes;
          },
          scene.service,
          options,
          MARK,
          'ws://127.0.0.1:9/',
        );
        assert.deepEqual(failed, [4, 2, 2, 4, 2], 'AUTHFAIL where the server is asked');
        refuses = false;
        await tab.evaluate((mark) => connection.disconnect(`${mark} wants it so`), MARK);
        await tab.status('DISCONNECTED');
        if (name === 'chromium')
          await eventually('the line about the logout', () =>
            stage.browser.lines.some((line) =>
              /port \d+ ends the session, for a reason of 18 bytes/.test(line),
            ),
          );

        const { lines } = stage.browser;
        assert.ok(lines.length > 20, `${lines.length} lines`);
        const logs = [...lines, ...(await tab.heard()).log];
        assert.deepEqual(
          logs.filter((line) => new RegExp(MARK, 'i').test(line)),
          [],
        );
        assert.deepEqual((await other.heard()).log, [], 'it is of another account');
      });
    });
  }
}
