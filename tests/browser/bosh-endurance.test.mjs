// Sessions over BOSH on real servers, with and without a worker, in Chromium: behind a line that breaks again
// and again, and in hidden tabs. What takes long runs side by side.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

import { startEjabberd } from '../servers/ejabberd.mjs';
import { startProsody } from '../servers/prosody.mjs';
import { eventually } from './apps.mjs';
import { startHttpWire } from './http-wire.mjs';
import { Stage } from './stage.mjs';

const SERVERS = { prosody: startProsody, ejabberd: startEjabberd };
const MODES = { 'with a worker': {}, 'without a worker': { options: { worker: '' } } };
const CUTS = 100;
/** Within how many milliseconds the line breaks so often: a session that is well needs half a minute. */
const LIMIT = 180_000;
/** How many connections break, while breaks are wanted: of the first of a request, and of its later ones. */
const SHARE = { first: 0.3, later: 0.1 };
/** For how many milliseconds a request stays whole that is cut off while the server may hold it. */
const HOLD = 10;
/** Within how many milliseconds a busy server may read two requests in either order. */
const OVERTAKING = 100;
/** For how many seconds the servers keep a session without a request, and may hold a request. */
const INACTIVITY = 10;
const WAIT = 4;
/** After how many seconds the timers of a hidden tab run once a minute. */
const GRACE = 10;

describe('over BOSH', { concurrency: true }, () => {
  for (const [server, start] of Object.entries(SERVERS)) {
    test(`${CUTS} breaks of the line at random lose and double nothing, on ${server}`, async (t) => {
      const stage = await open(t, start);
      await Promise.all(
        Object.entries(MODES).map(async ([mode, how], index) => {
          const { scene, wire, tab } = await connected(t, stage, how);
          const seed = index + 1;
          const { said, heard } = await talkOverBreaks(scene, wire, tab, seeded(seed));
          t.diagnostic(`${mode}: ${said.length} messages each way, ${wire.posts().length} requests`);
          assert.deepEqual((await tab.heard()).messages, said, `${mode}, down, seed ${seed}`);
          assert.deepEqual(heard, said, `${mode}, up, seed ${seed}`);
          assert.equal(wire.sids().size, 1);
          assert.deepEqual(await tab.statuses(), ['CONNECTING', 'AUTHENTICATING', 'CONNECTED']);
        }),
      );
    });

    // The server has the higher of two requests, and not the lower; both connections break, and the lower
    // is lost again. Prosody 13 keeps the broken connection; ejabberd 24.12 ends the session over the
    // repetition.
    const outcome = server === 'prosody' ? 'costs nothing' : 'costs the session, which is told';
    test(`a request that overtook a lost one and broke ${outcome}, on ${server}`, async (t) => {
      const stage = await open(t, start);
      for (const [mode, how] of Object.entries(MODES)) {
        const { scene, wire, tab } = await connected(t, stage, how);
        const peer = await scene.peer('peer');
        // Chromium repeats a request once by itself, if a connection breaks that had been used before.
        const breaks = [{ after: 800 }, { after: 10 }];
        let lower,
          broken = 0,
          isGiven = false;
        wire.cut = (asked) => {
          const rid = Number(asked.attribute('rid'));
          if (rid === lower && broken < 2) return { after: 0, lost: true };
          isGiven ||= rid === lower;
          if (lower === undefined) {
            lower = rid;
            return { after: 600, lost: true };
          }
          const cut = rid === lower + 1 ? breaks.shift() : undefined;
          if (cut) setTimeout(() => broken++, cut.after);
          return cut;
        };
        peer.say(scene.jid, 'first');
        await eventually('the next request', () => lower);
        await tab.evaluate((to) => void connection.send(epode.$msg({ to })), peer.jid);
        await eventually('the lower request at the server', () => isGiven);
        if (server === 'ejabberd') {
          await tab.status('RECONNECTING');
          const isUp = ({ statuses }) => statuses.at(-1).status === 'CONNECTED';
          await tab.eventually('the next session', isUp);
        }
        const said = ['first', ...Array.from({ length: 20 }, (_, number) => `message ${number}`)];
        for (const body of said.slice(1)) {
          peer.say(scene.jid, body);
          await pause(20);
        }
        const statuses = await tab.statuses();
        await tab.eventually(`the messages ${mode}`, ({ messages }) => messages.length >= said.length);
        assert.deepEqual((await tab.heard()).messages, said, mode);
        const [again, sids] = server === 'prosody' ? [[], 1] : [['RECONNECTING', 'CONNECTED'], 2];
        assert.equal(wire.sids().size, sids);
        assert.deepEqual(statuses, ['CONNECTING', 'AUTHENTICATING', 'CONNECTED', ...again]);
      }
    });

    test(`hidden tabs keep their sessions beyond the inactivity, on ${server}`, async (t) => {
      const stage = await open(t, () => start({ inactivity: INACTIVITY }), { throttles: true });
      const sessions = [];
      for (const how of Object.values(MODES)) sessions.push(await connected(t, stage, how));
      const tabs = sessions.map(({ tab }) => tab);
      // The first few calls of an interval run in time.
      for (const tab of tabs) await tab.evaluate(() => void setInterval(() => window.ticks++, 500));
      await stage.browser.openTab('about:blank');
      await pause(GRACE * 1_000);
      for (const tab of tabs) await tab.evaluate(() => (window.ticks = 0));
      await pause(3 * INACTIVITY * 1_000);
      for (const { scene, wire, tab } of sessions) {
        const [visibility, ticks] = await tab.evaluate(() => [document.visibilityState, window.ticks]);
        assert.equal(visibility, 'hidden');
        assert.ok(ticks <= 1, `timers ran ${ticks} times, and prove nothing`);
        const peer = await scene.peer('peer');
        peer.say(scene.jid, 'awake?');
        await tab.eventually('the message', ({ messages }) => messages.includes('awake?'));
        assert.deepEqual(await tab.say(peer.jid, 'awake'), { status: 'written' });
        await peer.frame(/awake/);
        assert.equal(wire.sids().size, 1);
        assert.deepEqual(await tab.statuses(), ['CONNECTING', 'AUTHENTICATING', 'CONNECTED']);
      }
    });
  }
});

async function open(t, start, how) {
  const stage = await Stage.open('chromium', start, how);
  t.after(() => stage.close());
  return stage;
}

/** A tab that is online, in a scene of its own behind a wire of its own. */
async function connected(t, stage, how) {
  const wire = await startHttpWire({ upstream: stage.server.http });
  // Browsers report requests that fail.
  const scene = await stage.scene(t, { service: wire.url, quiet: false });
  t.after(() => wire.stop());
  const tab = await scene.open(how);
  const { jid, password } = scene;
  await tab.evaluate(
    (jid, password, wait) => connection.connect(jid, password, onStatus, wait),
    jid,
    password,
    WAIT,
  );
  await tab.up();
  await tab.evaluate(() => void connection.send(epode.$pres()));
  await tab.settle();
  return { scene, wire, tab };
}

/** Both sides talk until the line has broken often enough; returns what each said, and the peer heard. */
async function talkOverBreaks(scene, wire, tab, random) {
  const peer = await scene.peer('peer');
  let breaks = 0;
  const seen = new Set();
  /** When the server was given each rid. */
  const given = new Map();
  const choose = (asked, rid) => {
    const share = seen.has(asked.body) ? SHARE.later : SHARE.first;
    seen.add(asked.body);
    if (breaks === CUTS || random() > share) return undefined;
    const kind = random();
    if (kind < 0.2) return { after: 0, lost: true };
    // What servers do if a request breaks that has overtaken another, the next test shows.
    const settled = given.get(rid - 1) < performance.now() - OVERTAKING;
    if (kind < 0.4) return settled ? { after: HOLD } : undefined;
    return random();
  };
  wire.cut = (asked) => {
    const rid = Number(asked.attribute('rid'));
    const cut = choose(asked, rid);
    if (cut !== undefined) breaks++;
    if (!cut?.lost && !given.has(rid)) given.set(rid, performance.now());
    return cut;
  };
  const said = [];
  const began = performance.now();
  while (breaks < CUTS) {
    assert.ok(performance.now() - began < LIMIT, `${breaks} breaks in ${wire.posts().length} requests`);
    const body = `message ${said.length}`;
    said.push(body);
    peer.say(scene.jid, body);
    await tab.evaluate(
      (to, body) => void connection.send(epode.$msg({ to, type: 'chat' }).c('body').t(body)),
      peer.jid,
      body,
    );
    await pause(10);
  }
  const all = ({ messages }) => messages.length >= said.length;
  await tab.eventually('all that the peer said', all, 60_000);
  await eventually('all that the tab said', () => peer.bodies().length >= said.length, 60_000);
  // What is doubled comes a little later.
  await tab.settle();
  await pause(500);
  return { said, heard: peer.bodies() };
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function seeded(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
