// A Prosody for the tests, configured in prosody.cfg.lua.

import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { freePort, keep, until } from './keeper.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));

/**
 * Starts Prosody on a free port of loopback; resolves when it accepts connections.
 * @param {{ level?: string, inactivity?: number }} options `inactivity` is for how many seconds a session
 * over BOSH lives without a request
 */
export async function startProsody({ level = 'info', inactivity = 60 } = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'epode-prosody-'));
  const port = await freePort();
  const template = await readFile(join(here, 'prosody.cfg.lua'), 'utf8');
  const modules = join(here, 'modules');
  const values = { BASE: folder, PORT: port, MODULES: modules, LEVEL: level, INACTIVITY: inactivity };
  const config = join(folder, 'prosody.cfg.lua');
  await writeFile(
    config,
    template.replace(/@([A-Z]+)@/g, (_, name) => values[name]),
  );

  const kept = keep(['prosody', '--config', config, '-F'], { folder });
  const http = `http://127.0.0.1:${port}`;
  const call = async (path, body) => {
    const response = await fetch(
      `${http}/test/${path}`,
      body && { method: 'POST', body: JSON.stringify(body) },
    );
    if (!response.ok)
      throw new Error(`Prosody answers ${path} with ${response.status}: ${await response.text()}`);
    return response.json();
  };
  await until(() => call('sessions'), { what: 'Prosody', kept });

  return {
    name: 'prosody',
    /** The WebSocket address. */
    ws: `ws://127.0.0.1:${port}/xmpp-websocket`,
    /** The BOSH address. */
    http: `${http}/http-bind`,
    domain: 'localhost',
    async register(user, password, host = 'localhost') {
      await call('register', { user, password, host });
      return `${user}@${host}`;
    },
    /** Bound sessions, including those that can be resumed: `{ jid, resumable, hibernating }`. */
    sessions: () => call('sessions'),
    log: kept.log,
    stop: kept.stop,
  };
}
