// How each tool builds its app, in the order of the table in docs/apps.md.

import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { BASE, run, versionOf, writePage } from './apps.mjs';

/** The script of the worker with its wasm inside, within an installed package. */
const WORKER = 'node_modules/epode/dist/epode-worker.inline.js';

const vite = {
  title: 'Vite',
  tool: 'vite',
  line: "`import worker from 'epode/worker/inline?url'`",
  build: (folder, base) => run(folder, 'vite', ['build', '--base', base, '--outDir', outOf(base)]),
  dev: (port) => ['vite', ...AT(port)],
  preview: (port) => ['vite', 'preview', '--outDir', outOf('/'), ...AT(port)],
};
const AT = (port) => ['--port', port, '--strictPort', '--host', 'localhost'];

const webpack = {
  title: 'webpack',
  tool: 'webpack',
  line: "`new URL('epode/worker/inline', import.meta.url)`",
  async build(folder, base) {
    const out = join(folder, outOf(base));
    await run(folder, this.command, ['build', '--mode', 'production', '--output-path', out]);
    await writePage(out, MAIN, base);
  },
  command: 'webpack',
};

const rspack = { ...webpack, title: 'Rspack', tool: '@rspack/core', command: 'rspack' };

/** The entry of an app, whatever its hash. */
const MAIN = (file) => /^main\b.*\.js$/.test(file);

/** Each: its folder, the name in the table, and how it is built; `quick` ones are built by every test run. */
export const TOOLS = [
  { name: 'vite', quick: true, ...vite },
  { name: 'vite-7', of: 'vite', ...vite },
  { name: 'vite-6', of: 'vite', ...vite },
  { name: 'webpack', quick: true, ...webpack },
  { name: 'rspack', of: 'webpack', ...rspack },
  {
    ...rspack,
    name: 'two-stages',
    title: 'Rspack, of a bundle by esbuild',
    of: 'rspack',
    lock: 'rspack',
    async build(folder, base) {
      const { build } = await import('esbuild');
      const stage = { entryPoints: ['stage.js'], bundle: true, format: 'esm', outfile: 'bundle.js' };
      await build({ absWorkingDir: folder, ...stage });
      await rspack.build.call(this, folder, base);
    },
  },
  {
    name: 'esbuild',
    title: 'esbuild',
    quick: true,
    tool: 'esbuild',
    line: "`import worker from 'epode/worker/inline'`, with `--loader:.inline.js=file`",
    async build(folder, base) {
      const out = outOf(base);
      const options = ['--bundle', '--minify', '--splitting', '--format=esm', '--entry-names=[name]-[hash]'];
      const names = [`--outdir=${out}`, `--public-path=${base}`, '--loader:.inline.js=file'];
      await run(folder, 'esbuild', ['main.js', ...options, ...names]);
      await writePage(join(folder, out), MAIN, base);
    },
  },
  {
    name: 'rollup',
    title: 'Rollup',
    tool: 'rollup',
    line: '`cp node_modules/epode/dist/epode-worker.inline.js dist/`',
    async build(folder, base) {
      const out = join(folder, outOf(base));
      await run(folder, 'rollup', ['--config', '--dir', out]);
      await copyFile(join(folder, WORKER), join(out, 'epode-worker.inline.js'));
      await writePage(out, MAIN, base);
    },
  },
  {
    name: 'parcel',
    title: 'Parcel',
    tool: 'parcel',
    line: "`import worker from 'url:epode/dist/epode-worker.inline.js'`",
    async build(folder, base) {
      const options = ['--public-url', base, '--dist-dir', outOf(base), '--no-cache'];
      await run(folder, 'parcel', ['build', 'index.html', ...options]);
    },
  },
  {
    name: 'next',
    title: 'Next.js',
    tool: 'next',
    line: "`new URL('epode/worker/inline', import.meta.url)` in a client component",
    build: (folder, base) => run(folder, 'next', ['build'], { BASE_PATH: base.slice(0, -1) }),
    // Its configuration, and with it the base, is read again.
    start: (port) => ['next', 'start', '--port', port],
  },
  {
    name: 'require',
    title: '`require`, by esbuild',
    quick: true,
    line: '`cp node_modules/epode/dist/epode-worker.inline.js dist/`',
    async build(folder, base) {
      const out = join(folder, outOf(base));
      const { build } = await import('esbuild');
      await build({
        absWorkingDir: folder,
        entryPoints: ['main.js'],
        bundle: true,
        minify: true,
        outdir: out,
      });
      await copyFile(join(folder, WORKER), join(out, 'epode-worker.inline.js'));
      await writePage(out, MAIN, base);
    },
  },
  {
    name: 'script-tag',
    title: 'a script tag',
    quick: true,
    line: '`cp node_modules/epode/dist/epode-worker.inline.js .`',
    build: (folder, base) => copies(folder, base, ['epode.umd.js', 'epode-engine.js']),
  },
  {
    name: 'import-map',
    title: 'an import map',
    line: '`cp node_modules/epode/dist/epode-worker.inline.js .`',
    build: (folder, base) => copies(folder, base, ['epode.js', 'epode-engine.js']),
  },
];

/** The folder that is built for a base. */
export const outOf = (base) => (base === BASE ? 'dist-base' : 'dist');

async function copies(folder, base, files) {
  const out = join(folder, outOf(base));
  await mkdir(out, { recursive: true });
  for (const file of ['index.html', 'app.js']) await copyFile(join(folder, file), join(out, file));
  for (const file of [...files, 'epode-worker.inline.js'])
    await copyFile(join(folder, 'node_modules/epode/dist', file), join(out, file));
}

/** The table of docs/apps.md. */
export async function table() {
  const rows = await Promise.all(
    TOOLS.map(async ({ name, lock = name, title, tool, line, quick }) => {
      const version = tool ? await versionOf(lock, tool) : '';
      return `| ${title} | ${version} | ${line} | ${quick ? 'every run' : '`--apps`'} |\n`;
    }),
  );
  const others = [
    ['Vitest, with jsdom', await versionOf('vitest', 'vitest'), 'none: stanzas only', '`--apps`'],
    ['Node.js, without a window', '20.19 and later', 'none: stanzas only', 'every run'],
  ].map((row) => `| ${row.join(' | ')} |\n`);
  return `| | version | the worker | tried by |\n|---|---|---|---|\n${[...rows, ...others].join('')}`;
}
