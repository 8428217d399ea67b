// Measures in Chromium the time until the first answer of a client that does nothing. Each load is
// a page in a new profile, so nothing is cached. The variants take turns, so that varying load on
// the machine affects all alike. usage: node run.mjs FOLDER LOADS

import { fileURLToPath } from 'node:url';

import { launch } from '../../browser/browsers.mjs';
import { startWeb } from '../../browser/web.mjs';

const [folder, loads] = process.argv.slice(2);
const VARIANTS = ['script', 'bare', 'codec'];
const took = Object.fromEntries(VARIANTS.map((variant) => [variant, []]));

const web = await startWeb({ '/': folder, '/pages/': fileURLToPath(new URL('.', import.meta.url)) });
web.overrides.set('/script.js', { body: 'export const answer = () => 42;' });
const { browser, stop } = await launch('chromium');
try {
  for (let load = 0; load < Number(loads); load++) {
    for (const variant of VARIANTS) {
      const context = await browser.createBrowserContext();
      const page = await context.newPage();
      await page.goto(web.url(`/pages/page.html?variant=${variant}`));
      took[variant].push(await page.evaluate(() => window.measure()));
      await context.close();
    }
  }
} finally {
  await stop();
  await web.stop();
}

const at = (list, share) =>
  list.sort((one, other) => one - other)[Math.floor((list.length - 1) * share)].toFixed(1);
console.log(`| ms, ${loads} loads | median | 10 % | 90 % |`);
console.log('|---|---:|---:|---:|');
for (const variant of VARIANTS) {
  const list = took[variant];
  console.log(`| ${variant} | ${at(list, 0.5)} | ${at(list, 0.1)} | ${at(list, 0.9)} |`);
}
