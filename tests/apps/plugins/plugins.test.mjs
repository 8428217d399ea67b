// The seven published plugins of Strophe over this package, beside Strophe itself, in every way of loading.

import assert from 'node:assert/strict';
import { copyFile, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { after, before, test } from 'node:test';

import { eventually } from '../../browser/apps.mjs';
import { launch } from '../../browser/browsers.mjs';
import { startWeb } from '../../browser/web.mjs';
import { install, pack, run } from '../apps.mjs';
import { startServer } from './server.mjs';

const PLUGINS = ['rsm', 'disco', 'caps', 'mam', 'muc', 'ping', 'roster'];
const fileOf = (plugin) =>
  `/node_modules/strophejs-plugin-${plugin}/${plugin === 'ping' ? '' : 'lib/'}strophe.${plugin}.js`;
const script = (address) => `<script src="${address}"></script>`;
const plugins = PLUGINS.map((plugin) => script(fileOf(plugin))).join('\n');

/** The plugins by their names, as AMD has it. */
const PATHS = Object.fromEntries(
  PLUGINS.map((plugin) => [`strophejs-plugin-${plugin}`, fileOf(plugin).replace(/\.js$/, '')]),
);

/** Each: its script, its module, its worker, and what an app that is bundled aliases `strophe.js` to. */
const LIBRARIES = {
  strophe: {
    umd: '/node_modules/strophe.js/dist/strophe.umd.cjs',
    module: '/node_modules/strophe.js/dist/strophe.esm.js',
    worker: '/node_modules/strophe.js/dist/shared-connection-worker.js',
    alias: 'strophe.js',
  },
  epode: {
    umd: '/node_modules/epode/dist/epode.umd.js',
    module: '/node_modules/epode/dist/strophe.js',
    worker: '/node_modules/epode/dist/epode-worker.inline.js',
    alias: 'epode/strophe',
  },
};

/** How a page loads a library and the plugins; the page ends with `window.library`. */
const WAYS = {
  'script tags, with a worker': ({ umd }) => script(umd) + plugins + '<script>library = window;</script>',
  'script tags, without a worker': ({ umd }) => script(umd) + plugins + '<script>library = window;</script>',
  // A name that ends in `.js` is an address to RequireJS, so the library is defined under that name.
  AMD: (_, name) => `${script('/node_modules/requirejs/require.js')}<script>
    requirejs.config({ paths: ${JSON.stringify({ library: `/amd/${name}`, ...PATHS })} });
    define('strophe.js', ['library'], (library) => library);
    require(${JSON.stringify(['strophe.js', ...Object.keys(PATHS)])}, (strophe) => {
      window.library = strophe;
    });
  </script>`,
  require: (_, name) => script(`/bundles/${name}/main.js`),
  'the library as a module, plugins as scripts': ({ module }) => `<script type="module">
    import * as library from '${module}';
    for (const address of ${JSON.stringify(PLUGINS.map(fileOf))})
      await new Promise((onload) => {
        document.head.append(Object.assign(document.createElement('script'), { src: address, onload }));
      });
    window.library = library;
  </script>`,
};

/**
 * Bundles an app that imports the library while its plugins require it. Over Strophe the two are
 * different builds, and the plugins extend the other one. Only a run of all tools uses npm, Vite and
 * webpack.
 */
const BUNDLERS = {
  esbuild: () => {},
  'npm overrides': async () => {
    const shim = join(folder, 'overridden');
    const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
    manifest.dependencies['strophe.js'] = `file:${await pack()}`;
    await mkdir(shim, { recursive: true });
    await writeFile(join(shim, 'package.json'), JSON.stringify(manifest));
    await copyFile(join(folder, 'both.js'), join(shim, 'both.js'));
    await run(shim, 'npm', ['install', '--no-audit', '--no-fund', '--no-package-lock']);
    await bundle(shim, ['both.js'], `${folder}/bundles/npm overrides`);
  },
  Vite: async () => {
    await run(folder, join(await install('vite'), 'node_modules/.bin/vite'), ['build']);
    await rename(join(folder, 'bundles/vite'), join(folder, 'bundles/Vite'));
  },
  webpack: async () => {
    const webpack = join(await install('webpack'), 'node_modules/.bin/webpack');
    await run(folder, webpack, ['--output-path', join(folder, 'bundles/webpack')]);
  },
};
const bundlers = Object.keys(BUNDLERS).slice(0, process.env.APPS === 'all' ? undefined : 1);

let folder, web, browser;
before(async () => {
  folder = await install('plugins');
  for (const [name, { alias }] of Object.entries(LIBRARIES))
    await bundle(folder, ['main.js', 'both.js'], `bundles/${name}`, alias);
  web = await startWeb({ '/': `${folder}/` });
  for (const [name, { umd }] of Object.entries(LIBRARIES)) {
    const library = { headers: { 'Content-Type': 'text/javascript' }, body: await readFile(folder + umd) };
    web.overrides.set(umd, library);
    web.overrides.set(`/amd/${name}.js`, library);
  }
  browser = await launch('chromium');
});
after(async () => {
  await browser?.stop();
  await web?.stop();
});

/** Bundles by esbuild, with what stands for `strophe.js`. */
async function bundle(folder, entryPoints, outdir, alias) {
  const aliases = alias ? { alias: { 'strophe.js': alias } } : {};
  await build({ absWorkingDir: folder, entryPoints, ...aliases, bundle: true, outdir, logLevel: 'error' });
}

/** What the steps come to in a page with this body. */
async function outcomes(t, path, body, options) {
  const server = await startServer();
  t.after(() => server.stop());
  web.overrides.set(decodeURIComponent(path), {
    headers: { 'Content-Type': 'text/html' },
    body: `<!doctype html><meta charset="utf-8"><body>${script('/steps.js')}${body}</body>`,
  });
  const tab = await browser.openTab(web.url(path));
  t.after(() => tab.close());
  await eventually('the library', () => tab.evaluate(() => !!window.library?.Strophe)).catch(() => {
    throw new Error(JSON.stringify(browser.errors.splice(0)));
  });
  return tab.evaluate(
    (service, options) => window.steps(window.library, service, options),
    server.ws,
    options,
  );
}

for (const [way, body] of Object.entries(WAYS)) {
  test(`${way}: every step comes to the same as over Strophe`, async (t) => {
    const found = {};
    for (const [name, library] of Object.entries(LIBRARIES)) {
      const options = way.includes('without') ? {} : { worker: library.worker };
      found[name] = await outcomes(
        t,
        `/${name}/${encodeURIComponent(way)}.html`,
        body(library, name),
        options,
      );
    }
    assert.deepEqual(found.epode, found.strophe);
  });
}

for (const bundler of bundlers) {
  test(`bundled by ${bundler}, the app and its plugins have one Strophe`, async (t) => {
    await BUNDLERS[bundler]();
    const folder = bundler === 'esbuild' ? 'epode' : bundler;
    const body = `<script type="module" src="/bundles/${folder}/both.js"></script>`;
    const { strophe, epode } = LIBRARIES;
    const path = `/both/${encodeURIComponent(bundler)}.html`;
    const found = await outcomes(t, path, body, { worker: epode.worker });
    const expected = await outcomes(t, '/both/strophe.html', WAYS.require(strophe, 'strophe'), {
      worker: strophe.worker,
    });
    assert.deepEqual(found, expected);
  });
}
