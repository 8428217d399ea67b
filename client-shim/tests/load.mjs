// Bundles modules of the page's scripts and imports them as one, so that all of them share the same
// classes.
import { build } from 'esbuild';
import { JSDOM } from 'jsdom';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Imports TypeScript modules by their paths from the root of the repository; returns their merged exports.
 */
export async function load(...paths) {
  const { outputFiles } = await build({
    stdin: {
      contents: paths.map((path) => `export * from './${path}';`).join('\n'),
      resolveDir: root,
      loader: 'ts',
    },
    bundle: true,
    format: 'esm',
    target: 'es2022',
    write: false,
  });
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`);
}

/** Gives this process the DOM of a page; modules imported earlier see it too. */
export function giveDom() {
  const { window } = new JSDOM('<!doctype html>', { url: 'https://app.example/index.html' });
  for (const name of ['document', 'DOMParser', 'XMLSerializer', 'Node', 'Element'])
    globalThis[name] = window[name];
  return window;
}
