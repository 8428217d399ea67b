// Sizzle and the browser's own selectors find the same elements in stanzas of this package, built and
// received, as in stanzas of Strophe.

import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { test } from 'node:test';

import { BROWSERS, launch } from './browsers.mjs';
import { startWeb } from './web.mjs';

const SCRIPT = `
  import sizzle from 'sizzle';
  import * as strophe from './node_modules/strophe.js/dist/strophe.esm.js';
  import { $iq } from './client-shim/ts/builder.ts';
  import { parseStanza } from './client-shim/ts/parse.ts';

  const TEXT = '<iq xmlns="jabber:client" type="set" id="a"><query xmlns="urn:q"><Item xmlns="urn:i" name="n"/><item>text</item></query></iq>';
  const SELECTORS = [
    'query',
    'query[xmlns="urn:q"]',
    '[xmlns="urn:i"]',
    'query > Item[xmlns="urn:i"][name="n"]',
    'query[xmlns="urn:q"] item',
    'iq > query',
    'Item',
    'item',
    'ITEM',
    'query[xmlns="urn:none"]',
  ];
  const build = ($iq) =>
    $iq({ type: 'set', id: 'a' })
      .c('query', { xmlns: 'urn:q' })
      .c('Item', { xmlns: 'urn:i', name: 'n' })
      .up()
      .c('item')
      .t('text')
      .root()
      .tree();
  const names = (elements) => [...elements].map(({ tagName }) => tagName);
  const look = (tree) =>
    SELECTORS.map((selector) => [
      selector,
      { sizzle: names(sizzle(selector, tree)), own: names(tree.querySelectorAll(selector)) },
    ]);
  window.looked = {
    built: look(build($iq)),
    received: look(parseStanza(TEXT)),
    builtByStrophe: look(build(strophe.$iq)),
    receivedByStrophe: look(strophe.toStanza(TEXT)),
    // Once, whoever writes it.
    written: [build($iq).outerHTML, new XMLSerializer().serializeToString(build($iq))],
    namespace: build($iq).firstChild.namespaceURI,
  };
`;

for (const name of BROWSERS) {
  test(`in ${name}, what selectors find in a stanza they find over Strophe`, async (t) => {
    const resolveDir = fileURLToPath(new URL('../..', import.meta.url));
    const { outputFiles } = await build({
      stdin: { contents: SCRIPT, resolveDir },
      bundle: true,
      format: 'iife',
      write: false,
    });
    const web = await startWeb();
    t.after(() => web.stop());
    web.overrides.set('/lookups.js', { body: outputFiles[0].text });
    web.overrides.set('/lookups.html', { body: '<!doctype html><script src="/lookups.js"></script>' });
    const browser = await launch(name);
    t.after(() => browser.stop());
    const tab = await browser.openTab(web.url('/lookups.html'));
    const looked = await tab.evaluate(() => window.looked);
    assert.deepEqual(looked.built, looked.builtByStrophe);
    assert.deepEqual(looked.received, looked.receivedByStrophe);
    assert.deepEqual(Object.fromEntries(looked.built)['[xmlns="urn:i"]'], {
      sizzle: ['Item'],
      own: ['Item'],
    });
    assert.deepEqual(Object.fromEntries(looked.received)['[xmlns="urn:i"]'].sizzle, ['Item']);
    const text =
      '<iq xmlns="jabber:client" type="set" id="a"><query xmlns="urn:q"><Item xmlns="urn:i" name="n"/><item>text</item></query></iq>';
    assert.equal(looked.namespace, 'urn:q');
    for (const written of looked.written)
      assert.equal(written.replace(/ (type|id)="[^"]*"/g, ''), text.replace(/ (type|id)="[^"]*"/g, ''));
  });
}
