// Measures in Chromium what docs/two-workers.md weighs: how pages of Epode come to a session that another
// worker has, and what the other ways would cost.
// usage: node run.mjs ROUNDS

import { fileURLToPath } from 'node:url';

import { startProsody } from '../../servers/prosody.mjs';
import { connect, openStage, pages } from '../../browser/strophe.mjs';
import { ROOTS, startWeb } from '../../browser/web.mjs';

const [rounds = 15] = process.argv.slice(2).map(Number);
const STANZAS = 20_000;
const took = {};

function note(what, milliseconds) {
  took[what] ??= [];
  took[what].push(milliseconds);
}

/** The time from `connect` to CONNECTED or ATTACHED in a tab, in milliseconds. */
const up = (tab, jid, password) =>
  tab.evaluate(
    (jid, password) =>
      new Promise((resolve, reject) => {
        const { CONNECTED, ATTACHED, DISCONNECTED } = epode.Strophe.Status;
        const begun = performance.now();
        connection.connect(jid, password, (status) => {
          if (status === CONNECTED || status === ATTACHED) resolve(performance.now() - begun);
          if (status === DISCONNECTED) reject(new Error('no session'));
        });
      }),
    jid,
    password,
  );

const stage = await openStage('chromium', startProsody);
const web = await startWeb({ ...ROOTS, '/pages/': fileURLToPath(new URL('.', import.meta.url)) });
try {
  for (let round = 0; round < rounds; round++) {
    const ends = [];
    const test = { after: (end) => ends.push(end) };
    for (const there of ['strophe', 'epode']) {
      const scene = await stage.scene(test);
      const strophe = pages();
      const epode = { options: { worker: strophe.options.worker } };
      if (there === 'strophe') await connect(scene, await scene.open(strophe));
      const tabs = [await scene.open(epode), await scene.open(epode)];
      for (const [index, tab] of tabs.entries()) {
        const worker = index === 0 ? 'a cold worker' : 'a warm worker';
        const milliseconds = await up(tab, `${scene.jid}/epode${index}`, scene.password);
        if (there === 'strophe') note(`up, to the session of another worker, from ${worker}`, milliseconds);
        else note(index === 0 ? `up, by a login, from ${worker}` : 'up, in the same worker', milliseconds);
      }
    }
    for (const end of ends.reverse()) await end();

    const holder = await stage.browser.openTab(web.url('/pages/page.html'));
    for (const locks of [0, 16]) {
      await holder.evaluate((count) => hold(count), locks);
      const page = await stage.browser.openTab(web.url('/pages/page.html'));
      note(`navigator.locks.query() as a page starts, ${locks} locks`, await page.evaluate(() => asked));
      await page.close();
    }
    for (const way of ['port', 'channel']) {
      const milliseconds = await holder.evaluate((way, count) => flood(way, count), way, STANZAS);
      const name = way === 'port' ? 'by the port' : 'by a BroadcastChannel and the port';
      note(`µs per stanza ${name}`, (milliseconds / STANZAS) * 1000);
    }
    await holder.close();
  }
} finally {
  await web.stop();
  await stage.close();
}

console.log(`| ms but where it says µs; ${rounds} rounds | median | least | most |`);
console.log('|---|---:|---:|---:|');
for (const [what, list] of Object.entries(took)) {
  list.sort((one, other) => one - other);
  const [median, least, most] = [list[list.length >> 1], list[0], list.at(-1)].map((each) => each.toFixed(1));
  console.log(`| ${what} | ${median} | ${least} | ${most} |`);
}
