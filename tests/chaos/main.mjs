// A long run of chaos against both servers, or one: `node tests/chaos/main.mjs SEED [SERVER]`.

import { launch } from '../browser/browsers.mjs';
import { startWeb } from '../browser/web.mjs';
import { startEjabberd } from '../servers/ejabberd.mjs';
import { startProsody } from '../servers/prosody.mjs';
import { CHAOS_ROOTS, chaos, summary } from './run.mjs';

const SERVERS = { prosody: startProsody, ejabberd: startEjabberd };
const LONG = {
  tabs: 16,
  messages: 10_000,
  breaks: 50,
  restarts: 2,
  reloads: 8,
  crashes: 4,
  freezes: 4,
  patience: 5_000,
};

const [seed = 1, only] = process.argv.slice(2);
const web = await startWeb(CHAOS_ROOTS);
let faults = 0;
for (const [name, startServer] of Object.entries(SERVERS)) {
  if (only && name !== only) continue;
  const server = await startServer();
  const browser = await launch('chromium');
  console.log(`${server.name}, seed ${seed}`);
  try {
    const say = (line) => console.log(`  ${line}`);
    const verdict = await chaos({ browser, web, server, say }, { seed: Number(seed), ...LONG });
    console.log(summary(verdict));
    faults += verdict.violations.length;
  } catch (error) {
    console.log(error);
    faults++;
  } finally {
    await browser.stop();
    await server.stop();
  }
}
await web.stop();
console.log(`${faults} faults`);
process.exitCode = faults > 0 ? 1 : 0;
