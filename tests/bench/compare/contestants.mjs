// The contestants and the files that each loads. See `pages/contestants/` for their pages.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';

import { build } from 'esbuild';

/** In the order of the tables. `page` and `worker` are the paths of the files loaded, below `roots`. */
export const CONTESTANTS = [
  {
    name: 'epode',
    title: 'Epode',
    page: ['/epode.js'],
    worker: ['/epode-worker.js', '/epode-worker.wasm'],
  },
  {
    name: 'strophe-on-epode',
    title: "Strophe 5 on Epode's worker",
    page: ['/strophe/strophe.js'],
    worker: ['/epode-worker.js', '/epode-worker.wasm'],
  },
  {
    name: 'strophe-worker',
    title: 'Strophe 5, shared worker',
    page: ['/strophe/strophe.js'],
    worker: ['/strophe/worker.js'],
  },
  {
    name: 'strophe-tabs',
    title: 'Strophe 5, a connection per tab',
    page: ['/strophe/strophe.js'],
    worker: [],
  },
  {
    name: 'posts',
    title: 'by hand, each frame posted',
    page: ['/bench/relayed.js'],
    worker: ['/bench/relay-worker.js'],
  },
  {
    name: 'batches',
    title: 'by hand, batches posted',
    page: ['/bench/relayed.js'],
    worker: ['/bench/relay-worker.js'],
  },
];

/** The other design of Epode's worker, which takes part if named. */
export const ONE_FILE = {
  name: 'strophe-on-one-file',
  title: 'the same, the worker in one file',
  page: ['/strophe/strophe.js'],
  worker: ['/epode-worker.inline.js'],
};

/** Another build of Epode, from the folder that the option `--before` names. */
export const BEFORE = {
  name: 'before',
  title: 'Epode, the build before',
  page: ['/before/epode.js', '/before/epode.wasm'],
  worker: ['/before/epode-worker.js', '/before/epode-worker.wasm'],
};

/** Bundles Strophe into a folder, minified, as an app's bundler would. */
export async function bundleStrophe(outdir) {
  const dist = 'node_modules/strophe.js/dist';
  const common = { bundle: true, minify: true, legalComments: 'none', logLevel: 'warning' };
  await build({
    ...common,
    entryPoints: [`${dist}/strophe.esm.js`],
    format: 'esm',
    outfile: `${outdir}/strophe.js`,
  });
  await build({
    ...common,
    entryPoints: [`${dist}/shared-connection-worker.js`],
    outfile: `${outdir}/worker.js`,
  });
}

/**
 * The bytes that a contestant's page and worker load: `{ page, worker }`, each
 * `{ raw, gzip, brotli }`. `roots` are folders by prefix.
 */
export function sizes({ page, worker }, roots) {
  const pathOf = (address) => {
    const prefix = `/${/^\/(\w+\/)?/.exec(address)[1] ?? ''}`;
    return join(roots[prefix], address.slice(prefix.length));
  };
  const sum = (addresses) => {
    const files = addresses.map((address) => readFileSync(pathOf(address)));
    const total = (encode) => files.reduce((bytes, file) => bytes + encode(file).length, 0);
    return {
      raw: total((file) => file),
      gzip: total((file) => gzipSync(file, { level: 9 })),
      brotli: total((file) => brotliCompressSync(file)),
    };
  };
  return { page: sum(page), worker: sum(worker) };
}
