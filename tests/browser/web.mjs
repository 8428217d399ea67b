// A static web server on loopback whose answers a test can change: status, headers (for example a
// CSP), delay, body.

import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const TYPES = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.mjs': 'text/javascript; charset=utf-8',
  '.wasm': 'application/wasm',
};

/** Everything that test pages load: `/pages/…`, and the built package at the root. */
export const ROOTS = {
  '/pages/': fileURLToPath(new URL('pages/', import.meta.url)),
  '/': fileURLToPath(new URL('../../client-shim/dist/', import.meta.url)),
};

/**
 * Serves folders.
 * @param {Record<string, string>} roots folders by URL prefix, which ends in a slash; the longest
 * prefix wins
 * @param {string} host the host name for pages
 */
export async function startWeb(roots = ROOTS, host = 'localhost') {
  const prefixes = Object.keys(roots).sort((one, other) => other.length - one.length);
  /**
   * Changed answers by path: `{ status?, headers?, delay?, body? }`, with the delay in
   * milliseconds; `body` may be a function, also an async one.
   */
  const overrides = new Map();
  /** The path of every request, in order. */
  const requests = [];

  const file = async (path) => {
    const prefix = prefixes.find((prefix) => path.startsWith(prefix));
    if (!prefix) throw new Error(`nothing is served at ${path}`);
    return readFile(join(roots[prefix], normalize(`/${path.slice(prefix.length)}`)));
  };
  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url, 'http://localhost').pathname);
    // Browsers request it now and then on their own.
    if (path === '/favicon.ico') return void response.writeHead(204).end();
    requests.push(path);
    if (web.pass && path.startsWith('/http-bind')) return web.pass(request, response);
    const { status = 200, headers = {}, delay = 0, body } = overrides.get(path) ?? {};
    if (delay) await pause(delay);
    try {
      const content = typeof body === 'function' ? await body() : (body ?? (await file(path)));
      const type = TYPES[extname(path)] ?? 'application/octet-stream';
      response
        .writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-store', ...headers })
        .end(content);
    } catch (error) {
      response
        .writeHead(404, { 'Content-Type': 'text/plain' })
        .end(`${path}: ${error.code ?? error.message}`);
    }
  });
  server.on('upgrade', (request, socket, head) =>
    web.upgrade ? web.upgrade(request, socket, head) : socket.destroy(),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://${host}:${server.address().port}`;

  const web = {
    origin,
    overrides,
    requests,
    /** Takes the WebSockets of this origin, like a wire's `upgrade`; if absent, they are refused. */
    upgrade: undefined,
    /** Takes the requests at `/http-bind` of this origin, like `pass` of an HTTP wire. */
    pass: undefined,
    url: (path) => `${origin}${path}`,
    /** Has the pages load the script whose wasm is a file beside it, and that file so. */
    async putWasmBeside(how) {
      overrides.set('/epode.js', { body: await readFile(`${ROOTS['/']}epode.beside.js`) });
      overrides.set('/epode.wasm', how);
    },
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
  return web;
}
