// Converse from the sources that npm has of it: they come without the configuration of its build, so
// esbuild bundles them.

import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';

import { install } from '../apps.mjs';

/** What stands for `strophe.js` in each bundle. */
const LIBRARIES = { strophe: 'strophe.js', epode: 'epode/strophe' };

/** Installs Converse, and bundles it over each library; answers with the folder. */
export async function buildConverse() {
  const folder = await install('converse');
  const sources = join(folder, 'node_modules/converse.js/src');
  for (const [name, library] of Object.entries(LIBRARIES)) {
    await build({
      absWorkingDir: folder,
      entryPoints: { [name]: join(sources, 'index.js') },
      outdir: join(folder, 'bundles'),
      bundle: true,
      format: 'esm',
      // Its modules name each other from the root of the sources on.
      nodePaths: [sources],
      alias: { '@converse/headless': join(sources, 'headless/index.js'), 'strophe.js': library },
      // The style sheet is the published one, and the page is in English.
      loader: { '.scss': 'empty', '.po': 'empty', '.svg': 'dataurl' },
      plugins: [cryptography],
      logLevel: 'error',
    });
  }
  // OMEMO's library looks for its wasm beside the page, and no chat opens before it has that.
  const wasm = 'curve25519_compiled.wasm';
  await copyFile(join(folder, 'node_modules/converse.js/dist', wasm), join(folder, wasm));
  return folder;
}

/** npm's package has OMEMO's library built, beside the published script. */
const cryptography = {
  name: 'cryptography',
  setup({ onResolve }) {
    onResolve({ filter: /libomemo/ }, () => ({ path: '/dist/libomemo.esm.min.js', external: true }));
  },
};
