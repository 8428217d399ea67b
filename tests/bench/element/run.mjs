// Measures the cost of an element in both browsers.

import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';

import { BROWSERS, launch } from '../../browser/browsers.mjs';
import { startWeb } from '../../browser/web.mjs';

const entry = fileURLToPath(new URL('element.ts', import.meta.url));
const { outputFiles } = await build({
  entryPoints: [entry],
  bundle: true,
  format: 'iife',
  target: 'es2022',
  write: false,
});
const web = await startWeb();
web.overrides.set('/element.html', {
  headers: { 'Content-Type': 'text/html' },
  body: `<script>${outputFiles[0].text}</script>`,
});
console.log('| µs per stanza | the first 200 | the best 200 |');
console.log('|---|---:|---:|');
for (const name of BROWSERS) {
  const browser = await launch(name);
  try {
    const ways = await (await browser.openTab(web.url('/element.html'))).evaluate(() => ways);
    const rows = [];
    for (const way of ways) {
      const tab = await browser.openTab(web.url('/element.html'));
      for (const [size, { first, best }] of Object.entries(await tab.evaluate((way) => bench(way), way))) {
        rows.push(`| ${size}, ${name}, ${way} | ${first.toFixed(1)} | ${best.toFixed(1)} |`);
      }
      await tab.close();
    }
    console.log(rows.sort().join('\n'));
  } finally {
    await browser.stop();
  }
}
await web.stop();
