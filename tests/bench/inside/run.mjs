// Compares the page's wasm inside its script and beside it in Chromium: bytes, requests, and the time from
// `import` to the first post that the wasm makes. "Cold" is a page in an empty profile; "warm" is the fourth
// page of a profile, whose scripts come from the HTTP cache. The variants take turns.
// usage: node run.mjs LOADS

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync } from 'node:zlib';

import { launch } from '../../browser/browsers.mjs';
import { ROOTS, startWeb } from '../../browser/web.mjs';

const [loads = 25] = process.argv.slice(2).map(Number);
/** Round trips of networks that are not there, in milliseconds. */
const ROUND_TRIPS = [0, 40];
const VARIANTS = { inside: ['/epode.js'], beside: ['/epode.beside.js', '/epode.wasm'] };

const web = await startWeb({ ...ROOTS, '/pages/': fileURLToPath(new URL('.', import.meta.url)) });
web.overrides.set('/listener.js', { body: 'onconnect = () => {};' });
const bytes = {};
for (const [variant, files] of Object.entries(VARIANTS)) {
  bytes[variant] = 0;
  for (const file of files) bytes[variant] += brotliCompressSync(await readFile(ROOTS['/'] + file)).length;
}

/** A page of its own, measured. */
async function load(context, variant) {
  const page = await context.newPage();
  await page.goto(web.url(`/pages/page.html?script=${VARIANTS[variant][0]}`));
  const took = await page.evaluate(() => window.measure());
  await page.close();
  return took;
}

const rows = [];
const { browser, stop } = await launch('chromium', { hearWorkers: false });
try {
  for (const delay of ROUND_TRIPS) {
    for (const file of Object.values(VARIANTS).flat())
      web.overrides.set(file, { delay, headers: { 'Cache-Control': 'max-age=3600' } });
    const took = Object.fromEntries(
      Object.keys(VARIANTS).map((variant) => [variant, { cold: [], warm: [] }]),
    );
    for (let round = 0; round < loads; round++) {
      for (const [variant, { cold, warm }] of Object.entries(took)) {
        const context = await browser.createBrowserContext();
        cold.push(await load(context, variant));
        for (const _ of [2, 3]) await load(context, variant);
        warm.push(await load(context, variant));
        await context.close();
      }
    }
    for (const [variant, { cold, warm }] of Object.entries(took))
      rows.push([variant, delay, bytes[variant], VARIANTS[variant].length, ...spread(cold), ...spread(warm)]);
  }
} finally {
  await stop();
  await web.stop();
}

console.log(
  `| ms, ${loads} loads | round trip | brotli | requests | cold | 10 % | 90 % | warm | 10 % | 90 % |`,
);
console.log('|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|');
for (const row of rows) console.log(`| ${row.join(' | ')} |`);

/** The median, and where nine tenths lie. */
function spread(list) {
  list.sort((one, other) => one - other);
  return [0.5, 0.1, 0.9].map((share) => list[Math.floor((list.length - 1) * share)].toFixed(1));
}
