// The worker's script with a door for tests: to end the worker without a word, and to have it run and answer
// nobody.

import { readFile } from 'node:fs/promises';

import { ROOTS } from './web.mjs';

const script = await readFile(`${ROOTS['/']}epode-worker.js`, 'utf8');
let doors = 0;

/**
 * What stands behind the script: not in the worker that stands in for it. A request that is not asynchronous
 * stops a thread, and costs nothing.
 */
const DOOR = `
if (self.name === "epode") new BroadcastChannel(location.pathname).onmessage = ({ data }) => {
  if (data === "die") return self.close();
  const request = new XMLHttpRequest();
  request.open("GET", location.pathname + ".wait", false);
  request.send();
};`;

/** A worker of this test's own: the options of its tabs, and what to do to it. */
export function backdoor(web) {
  const path = `/door${++doors}.js`;
  let release;
  const released = new Promise((resolve) => (release = resolve));
  web.overrides.set(path, { body: script + DOOR });
  web.overrides.set(`${path}.wait`, { body: () => released.then(() => '') });
  const say = (tab, word) =>
    tab.evaluate((path, word) => void new BroadcastChannel(path).postMessage(word), path, word);
  return {
    options: { options: { worker: path } },
    /** Ends the worker: in a secure context its tabs learn it from its lock. */
    die: (tab) => say(tab, 'die'),
    /** From now on the worker answers nobody, until it is released. */
    wedge: (tab) => say(tab, 'wedge'),
    release: () => release(),
  };
}
