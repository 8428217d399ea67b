// The other methods of a connection: pause, resume, flush, reset; and plugins.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { eitherWay } from './either-way.mjs';
import { startScripted } from './scripted.mjs';

const JID = 'alice@localhost';

eitherWay(({ isShared, serve }) => {
  const connect = async (tab) => {
    await tab.connect(JID, 'secret');
    return tab.up();
  };

  test('held-back stanzas leave in order at resume', async (t) => {
    const [server, tab] = await serve(t, { quiet: false });
    await connect(tab);
    const [stream] = server.streams;
    const sent = () =>
      stream.frames
        .map((frame) => /<body>(.*)<\/body>|urn:example:(question|barrier)/.exec(frame))
        .filter(Boolean)
        .map((found) => found[1] ?? found[2]);
    await tab.evaluate(() => {
      window.say = (body) => connection.send(epode.$msg({ to: 'bob@localhost' }).c('body').t(body));
      say('before');
      connection.pause();
      say('one');
      connection.flush();
      connection.sendIQ(epode.$iq({ type: 'get' }).c('query', { xmlns: 'urn:example:question' }));
      window.last = say('two');
    });
    // A barrier: the worker's answer to this request leaves after everything that the tab has posted.
    stream.send(
      `<iq xmlns="jabber:client" type="get" id="b" from="localhost" to="${server.jid}"><query xmlns="urn:example:barrier"/></iq>`,
    );
    await stream.frame(/service-unavailable/);
    assert.deepEqual(
      sent().filter((what) => what !== 'barrier'),
      ['before'],
    );
    await tab.evaluate(() => connection.resume());
    assert.deepEqual(await tab.evaluate(() => window.last), { status: 'written' });
    await stream.frame(/<body>two/);
    assert.deepEqual(
      sent().filter((what) => what !== 'barrier'),
      ['before', 'one', 'question', 'two'],
    );
  });

  test('paused and features can be assigned, as in Strophe', async (t) => {
    const [server, tab] = await serve(t, { quiet: false });
    await connect(tab);
    const assigned = await tab.evaluate(() => {
      const before = connection.features.localName;
      connection.features = null;
      connection.paused = true;
      connection.send(epode.$msg({ to: 'bob@localhost', id: 'held' }));
      return [before, connection.features, connection.paused];
    });
    assert.deepEqual(assigned, ['features', null, true]);
    const [stream] = server.streams;
    stream.send(
      `<iq xmlns="jabber:client" type="get" id="b" from="localhost" to="${server.jid}"><query xmlns="urn:example:barrier"/></iq>`,
    );
    await stream.frame(/service-unavailable/);
    assert.ok(!stream.frames.some((frame) => frame.includes('id="held"')));
    await tab.evaluate(() => void (connection.paused = false));
    await stream.frame(/id="held"/);
  });

  test('a plugin hears each status before the callback, with the fields already set', async (t) => {
    const [, first, second] = await serve(t, { count: isShared ? 2 : 1, quiet: false });
    for (const tab of [first, second].filter(Boolean)) {
      await tab.evaluate(
        ({ service, options }) => {
          epode.Strophe.addConnectionPlugin('watch', {
            init(connection) {
              this.connection = connection;
            },
            statusChanged(status) {
              const { jid, domain, features } = this.connection;
              const name = Object.keys(epode.Strophe.Status).find(
                (name) => epode.Strophe.Status[name] === status,
              );
              heard.statuses.push({ status: `plugin ${name}`, knows: [jid, domain, features?.localName] });
            },
          });
          window.make(service, options);
        },
        { service: tab.service, options: tab.options },
      );
    }
    await connect(first);
    const twice = (statuses) => statuses.flatMap((status) => [`plugin ${status}`, status]);
    assert.deepEqual(await first.statuses(), twice(['CONNECTING', 'AUTHENTICATING', 'CONNECTED']));
    if (second) {
      await second.attach();
      await second.up();
      assert.deepEqual(await second.statuses(), twice(['ATTACHED']));
    }
    for (const tab of [first, second].filter(Boolean)) {
      const { knows } = (await tab.heard()).statuses.at(-2);
      assert.deepEqual(knows, ['alice@localhost/scripted', 'localhost', 'features']);
    }
  });

  test('unusable arguments of connect are CONNFAIL, and throw nothing', async (t) => {
    const [, tab] = await serve(t, { quiet: false });
    for (const [jid, pass] of [
      [42, 'secret'],
      [undefined, 'secret'],
      [JID, 42],
    ]) {
      await tab.evaluate(
        (jid, pass) => {
          heard.statuses.length = 0;
          connection.connect(jid, pass, window.onStatus);
        },
        jid,
        pass,
      );
      assert.match((await tab.status('CONNFAIL')).condition, /connect takes the JID/);
      await tab.status('DISCONNECTED');
    }
  });

  test('an app that connects elsewhere while it handles a batch gets no more of the batch', async (t) => {
    const [server, tab] = await serve(t, { quiet: false });
    const elsewhere = await startScripted({ jid: 'bob@elsewhere/scripted' });
    t.after(() => elsewhere.stop());
    await tab.evaluate((service) => {
      window.shown = [];
      connection.xmlInput = (element) => {
        if (element.localName !== 'message') return;
        shown.push(element.id);
        if (element.id !== 'm3') return;
        connection.service = service;
        connection.connect('bob@elsewhere', 'secret', window.onStatus);
      };
    }, elsewhere.ws);
    await connect(tab);
    await tab.evaluate(() => {
      // Stanzas that arrive while the page is busy come in one batch.
      setTimeout(() => {
        for (const end = performance.now() + 500; performance.now() < end; );
      }, 50);
    });
    for (let number = 1; number <= 8; number++)
      server.streams[0].send(`<message xmlns="jabber:client" id="m${number}"/>`);
    await tab.eventually(
      'the other session',
      ({ statuses }) => statuses.filter(({ status }) => status === 'CONNECTED').length === 2,
    );
    assert.deepEqual(await tab.evaluate(() => shown), ['m1', 'm2', 'm3']);
    assert.equal(await tab.evaluate(() => connection.jid), elsewhere.jid);
  });

  // Without a worker, reset ends the session: see alone.test.mjs.
  if (!isShared) return;

  test('a tab that is reset leaves the session, which goes on, and can join it again', async (t) => {
    const [server, first, second] = await serve(t, { count: 2, quiet: false });
    assert.equal(await connect(first), 'CONNECTED');
    assert.equal(await connect(second), 'ATTACHED');
    const say = (body) =>
      server.streams[0].send(
        `<message xmlns="jabber:client" from="bob@localhost"><body>${body}</body></message>`,
      );
    const receipt = await first.evaluate(() => {
      connection.reset();
      heard.statuses.length = 0;
      return connection.send(epode.$msg({ to: 'bob@localhost' }));
    });
    assert.equal(receipt.condition, 'not-connected');
    say('in between');
    await second.eventually('the message', ({ messages }) => messages.length === 1);
    assert.equal((await second.evaluate(() => connection.tabs())).length, 1);
    await first.evaluate(() => connection.connect(connection.jid, 'secret', connection.connect_callback));
    assert.equal(await first.up(), 'ATTACHED');
    say('again');
    await first.eventually('the message', ({ messages }) => messages.length > 0);
    // The former handlers ended with the former session.
    assert.deepEqual((await first.heard()).messages, ['again']);
    assert.deepEqual(await second.statuses(), ['CONNECTING', 'ATTACHED']);
    assert.equal(server.streams.length, 1);
  });
});
