// An ejabberd for the tests, configured in ejabberd.yml. It runs as a plain Erlang program outside
// of any cluster: without a port mapper, a system user, or ejabberdctl.

import { mkdtemp, readFile, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { freePort, keep, until } from './keeper.mjs';

/**
 * Starts ejabberd on a free port of loopback; resolves when it accepts connections.
 * @param {{ level?: string, origin?: string, inactivity?: number }} options `origin` of the pages that may
 * use BOSH; `inactivity`, for how many seconds a session lives there without a request
 */
export async function startEjabberd({ level = 'info', origin = 'http://localhost', inactivity = 30 } = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'epode-ejabberd-'));
  const port = await freePort();
  const template = await readFile(new URL('ejabberd.yml', import.meta.url), 'utf8');
  const values = { PORT: port, LEVEL: level, ORIGIN: origin, INACTIVITY: inactivity };
  const config = join(folder, 'ejabberd.yml');
  await writeFile(
    config,
    template.replace(/@([A-Z]+)@/g, (_, name) => values[name]),
  );

  const command = ['erl', '-noinput', '-mnesia', 'dir', `"${join(folder, 'spool')}"`, '-s', 'ejabberd'];
  const env = {
    EJABBERD_CONFIG_PATH: config,
    EJABBERD_LOG_PATH: join(folder, 'ejabberd.log'),
    ERL_CRASH_DUMP: '/dev/null',
    ERL_LIBS: await libraries(),
    HOME: folder,
  };
  const start = () => keep(command, { folder, env });
  let kept = start();
  const http = `http://127.0.0.1:${port}`;
  const call = async (path, body = {}) => {
    const response = await fetch(`${http}/api/${path}`, { method: 'POST', body: JSON.stringify(body) });
    if (!response.ok)
      throw new Error(`ejabberd answers ${path} with ${response.status}: ${await response.text()}`);
    return response.json();
  };
  const started = () => until(() => call('connected_users_info'), { what: 'ejabberd', kept });
  await started();

  return {
    name: 'ejabberd',
    /** The WebSocket address. */
    ws: `ws://127.0.0.1:${port}/ws`,
    /** The BOSH address. */
    http: `${http}/bosh`,
    domain: 'localhost',
    /** Whether a session can be resumed after a connection that ended in the middle of a client's frame. */
    takesHalfFrames: true,
    async register(user, password, host = 'localhost') {
      await call('register', { user, password, host });
      return `${user}@${host}`;
    },
    /** Bound sessions: `{ jid }` and other properties. */
    sessions: () => call('connected_users_info'),
    /** A token for X-OAUTH2. */
    async token(jid) {
      return (await call('oauth_issue_token', { jid, ttl: 3600, scopes: ['sasl_auth'] })).token;
    },
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

/**
 * The folder of ejabberd's Erlang libraries on Debian: below one named after the machine's architecture.
 */
async function libraries() {
  for (const name of await readdir('/usr/lib')) {
    const entries = await readdir(join('/usr/lib', name)).catch(() => []);
    if (entries.some((entry) => /^ejabberd-\d/.test(entry))) return join('/usr/lib', name);
  }
  throw new Error('no ejabberd below /usr/lib: `cargo xtask test` installs it');
}
