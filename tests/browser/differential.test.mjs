// Compares the elements that handlers get with those of DOMParser, in the DOM of real browsers.

import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { test } from 'node:test';

import { BROWSERS, launch } from './browsers.mjs';
import { startWeb } from './web.mjs';

for (const name of BROWSERS) {
  test(`${name} builds the same DOM from ten thousand stanzas and a table of special cases`, async (t) => {
    const entry = fileURLToPath(new URL('pages/differential.ts', import.meta.url));
    const { outputFiles } = await build({
      entryPoints: [entry],
      bundle: true,
      format: 'iife',
      target: 'es2022',
      write: false,
    });
    const web = await startWeb();
    t.after(() => web.stop());
    web.overrides.set('/pages/differential.js', { body: outputFiles[0].text });
    const browser = await launch(name);
    t.after(() => browser.stop());
    const tab = await browser.openTab(web.url('/pages/differential.html?seed=20'));
    const report = await tab.evaluate(() => document.getElementById('report').textContent);
    assert.deepEqual(JSON.parse(report).slice(0, 3), []);
    assert.equal(await tab.title(), 'none differs');
    assert.deepEqual(browser.errors, []);
    // The comparison does find differences.
    const found = await tab.evaluate(() => {
      const parse = DOMParser.prototype.parseFromString;
      DOMParser.prototype.parseFromString = function (text, type) {
        return parse.call(this, text.replace('>hi<', '>ho<'), type);
      };
      return differential(1, 0).length;
    });
    assert.equal(found, 2);
  });
}
