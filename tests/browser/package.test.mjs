// The npm package as apps get it: packed, installed, imported, bundled.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFile, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { after, before, describe, test } from 'node:test';

import { startProsody } from '../servers/prosody.mjs';
import { App } from './apps.mjs';
import { BROWSERS, launch } from './browsers.mjs';
import { startWeb } from './web.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Runs a program to its end; returns its output. */
function run(command, args, cwd) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  assert.equal(status, 0, `${command} ${args.join(' ')}\n${stdout}${stderr}`);
  return stdout;
}

/** The folder of an app in which the tarball is installed. */
let folder;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'epode-package-'));
  const [{ filename }] = JSON.parse(
    run('npm', ['pack', '--json', '--pack-destination', folder], join(root, 'client-shim')),
  );
  await writeFile(
    join(folder, 'package.json'),
    JSON.stringify({ name: 'app', private: true, type: 'module' }),
  );
  run('npm', ['install', '--offline', '--no-audit', '--no-fund', `./${filename}`], folder);
});
after(() => folder && rm(folder, { recursive: true, force: true }));

test('contains the files that its exports name, and no sources', async () => {
  const require = createRequire(join(folder, 'package.json'));
  const { resolve } = require;
  const installed = join(folder, 'node_modules/epode');
  const expected = {
    epode: 'epode.js',
    'epode/strophe': 'strophe.js',
    'epode/beside': 'epode.beside.js',
    'epode/umd': 'epode.umd.js',
    'epode/engine': 'epode-engine.js',
    'epode/bosh': 'epode-bosh.js',
    'epode/worker': 'epode-worker.js',
    'epode/worker/inline': 'epode-worker.inline.js',
  };
  for (const [name, file] of Object.entries(expected))
    assert.equal(resolve(name), join(installed, 'dist', file));
  for (const file of ['epode.wasm', 'epode-worker.wasm'])
    assert.equal(resolve(`epode/${file}`), join(installed, 'dist', file));
  const files = await readdir(installed);
  for (const file of ['package.json', 'README.md', 'LICENSE-MIT', 'LICENSE-APACHE', 'THIRD-PARTY.txt'])
    assert.ok(files.includes(file), file);
  assert.ok(!files.includes('ts') && !files.includes('src'), `sources are not part of it: ${files}`);
});

test('`import` and `require` have one Strophe, and plugins that hang on the one are heard by the other', () => {
  const script = `
    import { createRequire } from "node:module";
    import epode, * as names from "epode";
    import * as strophe from "epode/strophe";
    const require = createRequire(import.meta.url);
    const required = [require("epode"), require("epode/strophe")];
    const all = [...required, strophe];
    console.log(all.every(({ Strophe }) => Strophe === names.Strophe));
    const isGlobal = (name) => epode[name] === names[name] && names[name] === globalThis[name];
    console.log(Object.keys(epode).filter(isGlobal).join(" "));
    console.log(all.map(({ Connection }) => Connection.defaults.reconnect).join());`;
  const written = run(process.execPath, ['--input-type=module', '--eval', script], folder);
  assert.equal(written, 'true\nStrophe $build $iq $msg $pres stx toStanza\nfalse,false,false\n');
});

test('what knows no modules has one Strophe, too', () => {
  const script = `
    const at = (file) => require("node:path").join(require.resolve("epode/package.json"), "../dist", file);
    const [epode, strophe] = [require(at("epode.umd.cjs")), require(at("strophe.cjs"))];
    console.log(epode === strophe, Strophe === epode.Strophe, toStanza === epode.toStanza);
    console.log(strophe.Connection.defaults.reconnect);`;
  const written = run(process.execPath, ['--input-type=commonjs', '--eval', script], folder);
  assert.equal(written, 'true true true\nfalse\n');
});

for (const [resolution, extension] of [
  ['bundler', 'ts'],
  ['nodenext', 'mts'],
  ['nodenext', 'cts'],
]) {
  test(`its declarations compile with the resolution ${resolution} in a .${extension} file`, async () => {
    const file = `types-${resolution}.${extension}`;
    await copyFile(join(root, 'client-shim/tests/types.ts'), join(folder, file));
    const config = {
      compilerOptions: {
        strict: true,
        exactOptionalPropertyTypes: true,
        noImplicitOverride: true,
        skipLibCheck: false,
        noEmit: true,
        target: 'ES2022',
        lib: ['ES2023', 'DOM', 'DOM.Iterable'],
        types: [],
        module: resolution === 'bundler' ? 'ESNext' : 'NodeNext',
        moduleResolution: resolution,
      },
      files: [file],
    };
    const project = join(folder, `tsconfig.${file}.json`);
    await writeFile(project, JSON.stringify(config));
    run(join(root, 'node_modules/.bin/tsc'), ['--pretty', 'false', '--project', project], folder);
  });
}

test('says where there is no window that a session needs a page', () => {
  const script = `
    import { Strophe } from "epode";
    const connection = new Strophe.Connection("wss://chat.example/ws", { worker: "/epode-worker.js" });
    connection.connect("juliet@chat.example", "secret", (status, condition) => console.log(status, condition));`;
  const written = run(process.execPath, ['--input-type=module', '--eval', script], folder);
  assert.match(written, /^1 null\n2 there is no page here, as in Node .*: connect and attach need one.*\n6 /);
});

test('can be imported without a window, and leaves nothing running', () => {
  const script = `
    import { Strophe, $msg } from "epode";
    const connection = new Strophe.Connection("wss://chat.example/ws", { worker: "/epode-worker.js" });
    console.log(typeof window, Strophe.getBareJidFromJid("a@b/c"), Strophe.Status.CONNECTED, connection.connected);
    console.log($msg({ to: "a@b" }).c("body").t("1 < 2").toString());`;
  const written = run(process.execPath, ['--input-type=module', '--eval', script], folder);
  assert.equal(
    written,
    `undefined a@b 5 false\n<message to="a@b" xmlns="jabber:client"><body>1 &lt; 2</body></message>\n`,
  );
});

for (const [how, load] of [
  ['can be required without a window', `const epode = require("epode");`],
  [
    'can be loaded by AMD',
    `delete globalThis.module;
    let epode;
    globalThis.define = (make) => (epode = make());
    define.amd = {};
    require("node:vm").runInThisContext(require("node:fs").readFileSync(require.resolve("epode/umd"), "utf8"));`,
  ],
]) {
  test(`${how}, and leaves no globals`, () => {
    const script = `
      ${load}
      const { Strophe, $msg } = epode;
      const connection = new Strophe.Connection("wss://chat.example/ws");
      const { epode: own, Strophe: its } = globalThis;
      console.log(typeof window, typeof own, typeof its, Strophe.Status.CONNECTED, connection.connected);
      console.log($msg({ to: "a@b" }).toString());`;
    const written = run(process.execPath, ['--input-type=commonjs', '--eval', script], folder);
    assert.equal(
      written,
      `undefined undefined undefined 5 false\n<message to="a@b" xmlns="jabber:client"/>\n`,
    );
  });
}

describe('bundled by esbuild', () => {
  let web, prosody;
  before(async () => {
    const { resolve } = createRequire(join(folder, 'package.json'));
    const app = await readFile(join(root, 'tests/browser/pages/app.js'), 'utf8');
    const contents = app.replace('../epode.js', 'epode');
    await build({
      stdin: { contents, resolveDir: folder },
      bundle: true,
      minify: true,
      format: 'esm',
      outfile: join(folder, 'public/app.js'),
      logLevel: 'error',
    });
    // An app serves the worker at the address in the option. The engine is part of the bundle, since esbuild
    // does not split by default.
    await copyFile(resolve('epode/epode-worker.wasm'), join(folder, 'public/epode-worker.wasm'));
    await copyFile(resolve('epode/worker'), join(folder, 'public/epode-worker.js'));
    await copyFile(resolve('epode/worker/inline'), join(folder, 'public/inline.js'));
    await copyFile(join(root, 'tests/browser/pages/app.html'), join(folder, 'public/index.html'));
    web = await startWeb({ '/': join(folder, 'public/') });
    prosody = await startProsody();
    await prosody.register('alice', 'secret');
  });
  after(async () => {
    await web?.stop();
    await prosody?.stop();
  });

  for (const name of BROWSERS) {
    for (const worker of ['/epode-worker.js', '/inline.js']) {
      test(`two tabs in ${name} connect through ${worker}`, async (t) => {
        const browser = await launch(name);
        t.after(() => browser.stop());
        const tabs = [];
        for (const expected of ['CONNECTED', 'ATTACHED']) {
          const tab = await App.open(browser, web, {
            service: prosody.ws,
            path: '/index.html',
            options: { worker },
          });
          await tab.connect('alice@localhost/bundled', 'secret');
          assert.equal(await tab.up(), expected);
          tabs.push(tab);
        }
        await tabs[1].say('alice@localhost/bundled', 'hi');
        for (const tab of tabs)
          await tab.eventually('the message', ({ messages }) => messages.includes('hi'));
        await tabs[0].evaluate(() => connection.disconnect());
        for (const tab of tabs) await tab.status('DISCONNECTED');
        assert.deepEqual(browser.errors, []);
      });
    }

    test(`a tab in ${name} connects without a worker`, async (t) => {
      const browser = await launch(name);
      t.after(() => browser.stop());
      const tab = await App.open(browser, web, {
        service: prosody.ws,
        path: '/index.html',
        options: { worker: '' },
      });
      await tab.connect('alice@localhost/alone', 'secret');
      assert.equal(await tab.up(), 'CONNECTED');
      await tab.say('alice@localhost/alone', 'hi');
      await tab.eventually('the message', ({ messages }) => messages.includes('hi'));
      assert.deepEqual(browser.errors, []);
    });
  }
});
