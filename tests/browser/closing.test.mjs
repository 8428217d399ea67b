// How a connection ends: if the server does not close the stream, and with which close code of the
// WebSocket (RFC 6455 §7.4).

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { eitherWay } from './either-way.mjs';
import { back } from './life.mjs';

const JID = 'alice@localhost';

/** How a server may end a session: the code that the app gets, a name, and the server's action. */
const ENDS = [
  [4001, "a code of the service's own", ({ socket }) => socket.close(4001, 'maintenance')],
  [1001, 'going away', ({ socket }) => socket.close(1001)],
  [1006, 'no closing handshake', ({ tcp }) => tcp.destroy()],
];

/** Connects, and notes close codes among the statuses. */
const connect = (tab, { timeout, codes = [] } = {}) =>
  tab.evaluate(
    (jid, timeout, codes) => {
      for (const code of codes) {
        connection.addProtocolErrorHandler('websocket', code, function (heardCode) {
          heard.statuses.push({ status: `${heardCode}`, isOwn: this === connection && heardCode === code });
        });
      }
      connection.connect(jid, 'secret', onStatus, undefined, undefined, undefined, undefined, timeout);
    },
    JID,
    timeout,
    codes,
  );

eitherWay(({ isShared, serve: serveTabs }) => {
  /**
   * A server, and tabs whose sessions are up: one session with a worker, else one for each tab.
   * Browsers write failed connections on the console, so errors there are allowed.
   */
  const serve = async (t, { answer, options, tabs: given = [{}, {}] } = {}) => {
    const [server, ...tabs] = await serveTabs(t, { answer, options, count: given.length, quiet: false });
    for (const [index, tab] of tabs.entries()) {
      await connect(tab, given[index]);
      await tab.up();
    }
    assert.equal(server.streams.length, isShared ? 1 : given.length);
    // The statuses of the login are tested elsewhere.
    for (const tab of tabs) await tab.evaluate(() => void (heard.statuses.length = 0));
    return [server, ...tabs];
  };

  test('a server that does not close within disconnection_timeout is CONNTIMEOUT in every tab', async (t) => {
    const answer = (frame) => (frame.startsWith('<close') ? [] : undefined);
    const [server, other, asking] = await serve(t, { answer, tabs: [{ timeout: 60_000 }, { timeout: 700 }] });
    const took = await asking.evaluate(async () => {
      const begun = performance.now();
      connection.disconnect();
      await new Promise(
        (over) =>
          (connection.connect_callback = (status, ...why) => {
            onStatus(status, ...why);
            if (status === epode.Strophe.Status.DISCONNECTED) over();
          }),
      );
      return performance.now() - begun;
    });
    assert.ok(took >= 695 && took < 2_500, `it took ${took} ms`);
    for (const tab of isShared ? [asking, other] : [asking]) {
      const { condition, reason } = await tab.status('CONNTIMEOUT');
      assert.equal(reason, 'the server did not close the stream in time');
      assert.equal(condition, reason);
      await tab.status('DISCONNECTED');
      assert.deepEqual(await tab.statuses(), ['DISCONNECTING', 'CONNTIMEOUT', 'DISCONNECTED']);
    }
    await server.streams.at(-1).frame(/^<close/);
    if (!isShared) {
      assert.equal(await other.evaluate(() => connection.connected), true);
      assert.deepEqual(await other.statuses(), []);
    }
  });

  test('if the server closes the stream in time, the status is DISCONNECTED alone', async (t) => {
    const [, tab] = await serve(t, { tabs: [{ timeout: 60_000 }] });
    await tab.evaluate(() => connection.disconnect());
    await tab.status('DISCONNECTED');
    assert.deepEqual(await tab.statuses(), ['DISCONNECTING', 'DISCONNECTED']);
  });

  for (const [code, what, end] of ENDS) {
    const [other] = ENDS.map(([code]) => code).filter((one) => one !== code);

    test(`a session ends by ${what}: the handler for ${code} precedes RECONNECTING`, async (t) => {
      const [server, first, second] = await serve(t, {
        tabs: [{ codes: [code, other] }, { codes: [other] }],
      });
      for (const stream of server.streams) end(stream);
      for (const [tab, heard] of [
        [first, [`${code}`]],
        [second, []],
      ]) {
        assert.match(
          (await tab.status('RECONNECTING')).reason,
          new RegExp(`the connection was lost.*${code}`),
        );
        assert.equal(await back(tab), 'CONNECTED');
        const statuses = (await tab.statuses()).filter((status) => status !== 'AUTHENTICATING');
        assert.deepEqual(statuses, [...heard, 'RECONNECTING', 'CONNECTED']);
      }
      assert.ok((await first.heard()).statuses[0].isOwn);
    });
  }

  test('with reconnect: false the handler precedes DISCONNECTED, in a login CONNFAIL', async (t) => {
    const codes = [4001];
    let refuses = false;
    const answer = (frame, { socket }) =>
      refuses && frame.startsWith('<auth') ? (socket.close(4001), []) : undefined;
    const [server, first, second] = await serve(t, {
      answer,
      options: { reconnect: false },
      tabs: [{ codes }, { codes }],
    });
    for (const { socket } of server.streams) socket.close(4001, 'maintenance');
    for (const tab of [first, second]) {
      assert.match((await tab.status('DISCONNECTED')).condition, /the connection was lost.*4001/);
      assert.deepEqual(await tab.statuses(), ['4001', 'DISCONNECTED']);
      await tab.evaluate(() => void (heard.statuses.length = 0));
    }
    refuses = true;
    await connect(first, { codes });
    assert.match((await first.status('CONNFAIL')).condition, /the connection was lost.*4001/);
    await first.status('DISCONNECTED');
    assert.deepEqual(await first.statuses(), [
      'CONNECTING',
      'AUTHENTICATING',
      '4001',
      'CONNFAIL',
      'DISCONNECTED',
    ]);
    // The other tab made no attempt.
    assert.deepEqual(await second.statuses(), []);
  });
});
