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

  const start = () => keep(['prosody', '--config', config, '-F'], { folder });
  let kept = start();
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
  const started = () => until(() => call('sessions'), { what: 'Prosody', kept });
  await started();

  return {
    name: 'prosody',
    /** The WebSocket address. */
    ws: `ws://127.0.0.1:${port}/xmpp-websocket`,
    /** The BOSH address. */
    http: `${http}/http-bind`,
    domain: 'localhost',
    // Prosody 13.0.1 puts the first frame of a resumed session behind the half frame with which the lost
    // connection ended, and ends the session as not-well-formed: `update_session` of its sessionmanager
    // replaces the filters, but not `session.data`, which has the former ones.
    takesHalfFrames: false,
    async register(user, password, host = 'localhost') {
      await call('register', { user, password, host });
      return `${user}@${host}`;
    },
    /** Bound sessions, including those that can be resumed: `{ jid, resumable, hibernating }`. */
    sessions: () => call('sessions'),
    /** Stops the server, and starts it at the same port and with the same data after a pause. */
    async restart(pause = 0) {
      await kept.suspend();
      await new Promise((resolve) => setTimeout(resolve, pause));
      kept = start();
      await started();
    },
    /** The output since the latest start. */
    log: () => kept.log(),
    stop: () => kept.stop(),
  };
}
