// For tests of pages with the unmodified script of strophe.js whose option `worker` names Epode's worker.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';

import { eventually } from './apps.mjs';
import { Stage } from './stage.mjs';

const DIST = new URL('../../node_modules/strophe.js/dist/', import.meta.url);

/** With BASELINE=1 the pages use Strophe's own worker, which shows the faults that Epode's must not have. */
export const isBaseline = Boolean(process.env.BASELINE);

let workers = 0;

/** A stage whose pages can load Strophe. */
export async function openStage(name, startServer, how) {
  const stage = await Stage.open(name, startServer, how);
  for (const [path, file] of [
    ['/strophe.umd.js', 'strophe.umd.min.js'],
    ['/strophe-worker.js', 'shared-connection-worker.js'],
  ])
    stage.web.overrides.set(path, { body: await readFile(new URL(file, DIST), 'utf8') });
  return stage;
}

/** How to open the pages of one scene: with a worker that no earlier scene started. */
export const pages = (options = {}) => ({
  path: '/pages/strophe.html',
  options: { worker: `${isBaseline ? '/strophe-worker.js' : '/epode-worker.js'}?${++workers}`, ...options },
});

/** Opens pages; the first connects, the others connect or attach by turns. */
export async function share(scene, count, options = pages()) {
  const tabs = [];
  for (let index = 0; index < count; index++) tabs.push(await scene.open(options));
  const [first, ...others] = tabs;
  await connect(scene, first);
  await Promise.all(others.map((tab, index) => (index % 2 ? connect(scene, tab, index) : attach(tab))));
  return tabs;
}

/** Connects a page, and waits until it is up. */
export async function connect(scene, tab, index = 0) {
  await tab.connect(`${scene.jid}/tab${index}`, scene.password);
  return tab.up();
}

/** Attaches a page, and waits until it is up. */
export async function attach(tab) {
  await tab.attach();
  return tab.up();
}

/** Forgets the statuses of a page so far. */
export const forget = (tab) => tab.evaluate(() => void (heard.statuses.length = 0));

/** What crossed the ports of a page. */
export const crossed = (tab) => tab.evaluate(() => wire);

/** What is said on a connection that is to carry a session, anew or again. */
export const CARRIES = /xmpp-bind|<resume /;

/** Those of a wire's connections that carried a session. */
export const carriers = (connections) =>
  connections.filter((wire) => wire.texts('client').some((text) => CARRIES.test(text)));

/** Whether the last status of a page says that it is in a session. */
export const isUp = ({ statuses }) => /^(CONNECTED|ATTACHED)$/.test(statuses.at(-1)?.status);

/** The pages are one session: its JID, its one primary, and messages in both directions, each once. */
export async function areOne(scene, tabs, bodies = ['one', 'two', 'three']) {
  const jids = await Promise.all(tabs.map((tab) => tab.evaluate(() => connection.jid)));
  assert.equal(new Set(jids).size, 1, String(jids));
  const [jid] = jids;
  await eventually('one session', async () => String(await scene.sessions()) === jid);
  const roles = () => Promise.all(tabs.map((tab) => tab.evaluate(() => connection.role)));
  await eventually(
    'one primary',
    async () => (await roles()).filter((role) => role === 'primary').length === 1,
  );

  const peer = await scene.peer(`peer${bodies[0].replace(/\W/g, '-')}`);
  for (const body of bodies) peer.say(jid, body);
  for (const tab of tabs) {
    await tab.eventually('the last message', ({ messages }) => messages.includes(bodies.at(-1)));
    await tab.settle();
    const { messages } = await tab.heard();
    assert.deepEqual(messages.slice(-bodies.length), bodies);
    assert.equal(new Set(messages).size, messages.length, String(messages));
  }
  for (const [index, tab] of tabs.entries()) await tab.say(peer.jid, `${bodies[0]} from ${index}`);
  await eventually('all messages at the peer', () => peer.bodies().length >= tabs.length);
  assert.deepEqual(peer.bodies().sort(), tabs.map((_, index) => `${bodies[0]} from ${index}`).sort());
  for (const [index, tab] of tabs.entries()) {
    const others = tabs.map((_, other) => `${bodies[0]} from ${other}`).filter((_, other) => other !== index);
    const reflected = ({ foreign }) => foreign.filter((text) => text.startsWith(`${bodies[0]} from`));
    await tab.eventually('what the others sent', (heard) => reflected(heard).length >= others.length);
    assert.deepEqual(reflected(await tab.heard()).sort(), others.sort());
  }
  return { jid, peer };
}

/** A port that a test speaks at by hand, in the page of a tab. */
export async function rawPort(tab) {
  const { worker } = tab.options;
  const index = await tab.evaluate((worker) => {
    window.ports ??= [];
    const { port } = new SharedWorker(worker, 'Strophe XMPP Connection');
    const raw = { port, said: [] };
    port.onmessage = ({ data }) => raw.said.push(data);
    return ports.push(raw) - 1;
  }, worker);
  const raw = {
    post: (...words) =>
      tab.evaluate(
        (index, words) => words.forEach((word) => ports[index].port.postMessage(word)),
        index,
        words,
      ),
    said: () => tab.evaluate((index) => ports[index].said, index),
    forget: () => tab.evaluate((index) => void (ports[index].said.length = 0), index),
    /** Waits for a word of the worker that matches; returns it. */
    word: (name, matches = () => true) =>
      eventually(`the word ${name}`, async () =>
        (await raw.said()).find((word) => word[0] === name && matches(word)),
      ).catch(async (error) => {
        throw new Error(`${error.message}; said ${JSON.stringify(await raw.said())}`);
      }),
  };
  return raw;
}
