// The demo as a newcomer sees it: one command, one address, several tabs.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { keep, listens, until } from '../servers/keeper.mjs';
import { launch } from './browsers.mjs';

/** The first build takes minutes; once everything is built, the demo is up within seconds. */
const BUILD_LIMIT = 540_000;
const LIMIT = 20_000;

for (const transport of [[], ['--bosh']]) demonstrate(transport);

function demonstrate(transport) {
  const command = ['cargo', 'xtask', 'demo', ...transport];
  describe(command.join(' '), { timeout: 600_000 }, () => {
    let demo, url, browser, alice, secondAlice, bob;

    before(async () => {
      demo = keep([...command, '--port', '0']);
      const address = () => /^listening on (http:\S+)/m.exec(demo.log())?.[1];
      url = await until(address, { what: "the demo's address", kept: demo, limit: BUILD_LIMIT });
      browser = await launch('chromium');
    });
    after(async () => {
      await browser?.stop();
      await demo?.stop();
    });

    test('the page offers accounts, and one click connects', async () => {
      alice = await open('alice');
      const panel = await settled(alice, { tabs: '1', connections: '1 for alice, 1 in all' });
      assert.equal(panel.status, 'Connected: this tab opened it');
      assert.match(panel.address, /^alice@localhost\/\S+$/);
      assert.match(panel.role, /^primary/);
      assert.equal(await alice.title(), 'alice – Epode');
    });

    test('a second tab joins the connection of the first', async () => {
      const { address } = await read(alice);
      secondAlice = await open('alice');
      const panel = await settled(secondAlice, { tabs: '2', connections: '1 for alice, 1 in all' });
      assert.equal(panel.status, 'Connected: this tab joined');
      assert.equal(panel.address, address);
      assert.equal((await stats()).totalConnections, 1);
    });

    test('a tab opened for the other account has its own connection', async () => {
      const opened = new Promise((resolve) => alice.once('popup', resolve));
      await alice.bringToFront();
      await alice.click('#other');
      bob = await opened;
      await settled(bob, { tabs: '1', connections: '1 for bob, 2 in all' });
      assert.equal(new URL(bob.url()).hash, '', 'a reload keeps whoever the tab has become');
      await settled(alice, { tabs: '2', connections: '1 for alice, 2 in all', presence: 'here' });
    });

    test('the messages that one tab sends and receives are shown in all tabs of its account', async () => {
      await say(alice, 'Hello Bob');
      await shows(bob, 'theirs: Hello Bob');
      await say(bob, 'Hello Alice, in all your tabs');
      for (const tab of [alice, secondAlice]) await shows(tab, 'theirs: Hello Alice, in all your tabs');
      await say(secondAlice, 'There is <one> connection & two tabs');
      await shows(bob, 'theirs: There is <one> connection & two tabs');

      assert.deepEqual(await messages(alice), [
        'own: Hello Bob',
        'theirs: Hello Alice, in all your tabs',
        'own: There is <one> connection & two tabs',
      ]);
      assert.deepEqual(await messages(secondAlice), await messages(alice));
      const frames = await alice.$$eval('#frames li', (all) => all.map((frame) => frame.textContent));
      assert.ok(
        frames.some((frame) => frame.includes('sent: <message') && frame.includes('Hello Bob')),
        frames.join('\n'),
      );
      assert.ok(
        frames.some((frame) => frame.includes('received: <message') && frame.includes('Hello Alice')),
        frames.join('\n'),
      );
    });

    test('the server has seen one connection and one login for each account', async () => {
      const { openConnections, totalConnections, saslStarted, saslSucceeded, connectionsByAccount } =
        await stats();
      assert.deepEqual(
        { openConnections, totalConnections, saslStarted, saslSucceeded },
        { openConnections: 2, totalConnections: 2, saslStarted: 2, saslSucceeded: 2 },
      );
      assert.deepEqual(connectionsByAccount, { 'alice@localhost': 1, 'bob@localhost': 1 });
    });

    // Over BOSH there is no wire to cut.
    const onWire = transport.length === 0 ? test : () => {};
    onWire('what both tabs send while the wire is cut arrives once, and the session is resumed', async () => {
      await alice.bringToFront();
      await alice.click('#cut');
      for (const tab of [alice, secondAlice]) await settled(tab, { stream: 'redialling' });
      await say(alice, 'Sent without a wire');
      await say(secondAlice, 'So is this');
      await settled(alice, { unacknowledged: '1' });
      for (const tab of [alice, secondAlice]) {
        const online = { status: 'Connected again', stream: 'resumed: nothing was lost' };
        await settled(tab, { ...online, unacknowledged: '0' });
        const marks = await tab.$$eval('#messages small', (all) => all.map(({ textContent }) => textContent));
        assert.ok(marks.includes('acknowledged by the server'), marks.join(', '));
      }
      await shows(bob, 'theirs: So is this');
      const arrived = (await messages(bob)).slice(-2);
      assert.deepEqual(arrived, ['theirs: Sent without a wire', 'theirs: So is this']);
      await settled(alice, { connections: '1 for alice, 2 in all' });
      assert.equal((await stats()).saslSucceeded, 3);
    });

    test('logging out in one tab ends the session in all tabs, and all can reconnect', async () => {
      await secondAlice.bringToFront();
      await secondAlice.click('#logout');
      for (const tab of [alice, secondAlice]) await settled(tab, { status: 'Disconnected' });
      assert.match((await read(bob)).status, /^Connected/);
      assert.deepEqual((await stats()).connectionsByAccount, { 'bob@localhost': 1 });

      for (const tab of [alice, secondAlice]) {
        await tab.bringToFront();
        await tab.click('#reconnect');
        await until(async () => (await read(tab)).status.startsWith('Connected'), {
          what: 'coming back',
          limit: LIMIT,
        });
      }
      await settled(secondAlice, { tabs: '2', connections: '1 for alice, 2 in all' });
    });

    test('there are no errors, and the demo ends when it is stopped', async () => {
      assert.deepEqual(browser.errors, []);
      const port = new URL(url).port;
      assert.equal(await listens(port), true);
      await demo.stop();
      assert.equal(await listens(port), false);
      await settled(alice, { connections: 'the server is gone' });
      assert.equal((await read(alice)).status, 'Connection lost, trying again…: the server is shutting down');
    });

    async function open(account) {
      const tab = await browser.openTab(url);
      await (
        await tab.waitForSelector(`::-p-xpath(//*[@id="accounts"]/button[.="${account}"])`, { visible: true })
      ).click();
      return tab;
    }

    async function stats() {
      return (await fetch(new URL('/stats', url))).json();
    }
  });
}

/** The content of the side panel and the header. */
function read(tab) {
  return tab.evaluate(() =>
    Object.fromEntries(
      ['status', 'address', 'role', 'tabs', 'connections', 'presence', 'stream', 'unacknowledged'].map(
        (id) => [id, document.getElementById(id).textContent],
      ),
    ),
  );
}

/**
 * Brings a tab to the front and waits until it shows everything in `expected`; returns everything shown.
 */
async function settled(tab, expected) {
  await tab.bringToFront();
  let panel;
  const holds = async () => {
    panel = await read(tab);
    return Object.entries(expected).every(([name, value]) => panel[name] === value);
  };
  await until(holds, { what: JSON.stringify(expected), limit: LIMIT }).catch((error) => {
    throw new Error(`${error.message}; shown is ${JSON.stringify(panel)}`);
  });
  return panel;
}

async function say(tab, text) {
  await tab.bringToFront();
  await tab.type('#text', text);
  await tab.click('#send');
}

/** The messages, each with its sender, without the small print. */
function messages(tab) {
  return tab.$$eval('#messages li', (all) =>
    all.map((message) => `${message.className}: ${message.firstChild.textContent}`),
  );
}

function shows(tab, message) {
  return until(async () => (await messages(tab)).includes(message), { what: message, limit: LIMIT });
}
