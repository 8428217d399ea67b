// Mistakes of an app or its operator about the worker. Each has a sentence for the app: cause and cure.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';

import { ROOTS } from './web.mjs';

/** The longest acceptable wait of a user, in milliseconds. */
const SOON = 10_000;

/** Has the server's answers be what they were, once the test is over. */
export function keepAnswers(test, { overrides }) {
  const answers = [...overrides];
  test.after(() => {
    overrides.clear();
    for (const [path, answer] of answers) overrides.set(path, answer);
  });
}

/**
 * Serves a copy of the built package and of the page in another folder, where a test may change
 * them without affecting other tests.
 */
export async function serveCopy(web, folder, headers = {}) {
  const bodyOf = async (path, file) => web.overrides.get(path)?.body ?? (await readFile(file));
  const put = async (path, file) =>
    web.overrides.set(folder + path, { headers, body: await bodyOf(path, file) });
  for (const file of ['epode.js', 'epode-engine.js', 'epode-worker.js', 'epode-worker.wasm'])
    await put(`/${file}`, ROOTS['/'] + file);
  for (const file of ['app.html', 'app.js']) await put(`/pages/${file}`, ROOTS['/pages/'] + file);
}

/** The same, with the page's wasm beside its script. */
export async function serveBeside(web, folder, wasm, headers) {
  await serveCopy(web, folder, headers);
  const body = await readFile(`${ROOTS['/']}epode.beside.js`);
  web.overrides.set(`${folder}/epode.js`, { headers, body });
  if (wasm) web.overrides.set(`${folder}/epode.wasm`, wasm);
}

/** A page, as the servers of single-page apps send it for unknown paths. */
export const FALLBACK = {
  headers: { 'Content-Type': 'text/html' },
  body: '<!doctype html><title>App</title>',
};

/** A policy without `'wasm-unsafe-eval'`. */
export const NO_WASM = { 'Content-Security-Policy': "script-src 'self'" };

/** How to `arrange` each mistake, and the `reason` to expect. */
export const MISSTEPS = [
  {
    what: 'the worker script is not there',
    arrange: () => ({ options: { worker: '/nowhere/epode-worker.js' } }),
    reason: /worker script.*\/nowhere\/epode-worker\.js.*404; .*copy of epode-worker\.inline\.js/,
  },
  {
    what: 'the worker script is a page, as servers of single-page apps send for unknown paths',
    arrange: (web) => {
      web.overrides.set('/spa/epode-worker.js', FALLBACK);
      return { options: { worker: '/spa/epode-worker.js' } };
    },
    reason: /\/spa\/epode-worker\.js is not a script but text\/html; .*copy of/,
  },
  {
    what: 'the worker script is sent as something else',
    arrange: async (web) => {
      const headers = { 'Content-Type': 'text/plain', 'X-Content-Type-Options': 'nosniff' };
      web.overrides.set('/plain/worker.js', {
        headers,
        body: await readFile(`${ROOTS['/']}epode-worker.js`),
      });
      return { options: { worker: '/plain/worker.js' } };
    },
    reason: /\/plain\/worker\.js is not a script but text\/plain; .*copy of/,
  },
  {
    what: 'the worker script is some other script',
    arrange: (web) => {
      web.overrides.set('/other/epode-worker.js', { body: 'this is not JavaScript' });
      return { options: { worker: '/other/epode-worker.js' } };
    },
    reason: /worker script .*\/other\/epode-worker\.js/,
  },
  {
    what: 'the worker script is on another origin',
    arrange: (web) => {
      const other = new URL('/epode-worker.js', web.origin);
      other.hostname = '127.0.0.1';
      return { options: { worker: other.href } };
    },
    reason:
      /cross-origin: .*from the origin of the page, http:\/\/(localhost|epode\.test):.*serve epode-worker/,
  },
  {
    what: "the worker's address is malformed",
    arrange: () => ({ options: { worker: 'http://' } }),
    reason: /http:\/\/ is not a URL/,
  },
  {
    what: "the worker's response forbids wasm",
    arrange: async (web) => {
      await serveCopy(web, '/csp-worker', NO_WASM);
      return { options: { worker: '/csp-worker/epode-worker.js' } };
    },
    reason: /Content-Security-Policy of the worker.*wasm-unsafe-eval/,
  },
  {
    what: "the page's response forbids wasm",
    arrange: async (web) => {
      await serveCopy(web, '/csp-page', NO_WASM);
      return { path: '/csp-page/pages/app.html' };
    },
    reason: /Content-Security-Policy of the page.*wasm-unsafe-eval/,
  },
  {
    what: "the page's response forbids workers",
    arrange: async (web) => {
      await serveCopy(web, '/no-workers', { 'Content-Security-Policy': "worker-src 'none'" });
      return { path: '/no-workers/pages/app.html' };
    },
    reason: /worker script .*Content-Security-Policy.*worker-src/,
  },
  {
    what: "the page's response names all scripts but the worker's",
    arrange: async (web) => {
      const allowed = ['/script-src/epode.js', '/script-src/pages/'].map((path) => web.origin + path);
      await serveCopy(web, '/script-src', {
        'Content-Security-Policy': `script-src ${allowed.join(' ')} 'wasm-unsafe-eval'`,
      });
      return { path: '/script-src/pages/app.html' };
    },
    reason: /worker script .*Content-Security-Policy.*worker-src/,
  },
  {
    what: 'the worker script is not there, and the page may not look',
    arrange: async (web) => {
      await serveCopy(web, '/no-look', { 'Content-Security-Policy': "connect-src 'none'" });
      return { path: '/no-look/pages/app.html', options: { worker: '/nowhere/worker.js' } };
    },
    reason: /worker script .*\/nowhere\/worker\.js.*may not look.*connect-src.*copy of/,
  },
  {
    what: "the worker's wasm is not there",
    arrange: async (web) => {
      await serveCopy(web, '/bare-worker');
      web.overrides.delete('/bare-worker/epode-worker.wasm');
      return { options: { worker: '/bare-worker/epode-worker.js' } };
    },
    reason: /wasm of the worker is not at .*\/bare-worker\/epode-worker\.wasm.*404/,
  },
];

/** Connects; returns the CONNFAIL, which must come soon. */
export async function connectionFailure(tab, jid = 'alice@localhost', password = 'secret') {
  await tab.connect(jid, password);
  const failure = await tab.status('CONNFAIL', SOON);
  await tab.status('DISCONNECTED', SOON);
  assert.equal(failure.reason, (await tab.status('DISCONNECTED')).reason);
  const statuses = await tab.statuses();
  assert.deepEqual([statuses[0], ...statuses.slice(-2)], ['CONNECTING', 'CONNFAIL', 'DISCONNECTED']);
  assert.ok(statuses.length <= 4, `${statuses}`);
  return failure;
}
