// The worker's script with a backdoor for tests: to end the worker silently, or to keep it from answering.

import { readFile } from 'node:fs/promises';

import { ROOTS } from './web.mjs';

const script = await readFile(`${ROOTS['/']}epode-worker.js`, 'utf8');
let doors = 0;

/**
 * Is appended to the script; has no effect in the detour, whose name differs. A synchronous request
 * stops the worker's thread without using the CPU.
 */
const DOOR = `
if (self.name === "epode") new BroadcastChannel(location.pathname).onmessage = ({ data }) => {
  if (data === "die") return self.close();
  const request = new XMLHttpRequest();
  request.open("GET", location.pathname + ".wait", false);
  request.send();
};`;

/** A worker of the test's own: the options for its tabs, and ways to disturb it. */
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
    /** Ends the worker: in a secure context its tabs learn of it from its lock. */
    die: (tab) => say(tab, 'die'),
    /** Keeps the worker from answering until `release`. */
    wedge: (tab) => say(tab, 'wedge'),
    release: () => release(),
  };
}
