// Programs that end with the test that started them, even if the test is killed: a small shell in
// between ends its program when its standard input closes.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { createServer, connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const KEEPER = `
exec 3<&0
"$@" </dev/null 3<&- &
kept=$!
{ cat <&3; kill "$kept"; sleep 5; kill -KILL "$kept"; } >/dev/null 2>&1 &
watching=$!
exec 3<&- </dev/null
wait "$kept"
status=$?
kill "$watching" 2>/dev/null
[ -z "$KEEPER_FOLDER" ] || [ -e "$KEEPER_FOLDER/kept" ] || rm -rf -- "$KEEPER_FOLDER"
exit "$status"`;

/**
 * Starts a program that ends with this process.
 * @param {string[]} command the program and its arguments
 * @param {{ env?: Record<string, string>, folder?: string }} options `folder` is removed when the
 * program has ended
 */
export function keep(command, { env = {}, folder = '' } = {}) {
  const child = spawn('sh', ['-c', KEEPER, 'keeper', ...command], {
    env: { ...process.env, ...env, KEEPER_FOLDER: folder },
    stdio: 'pipe',
  });
  let log = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text) => (log += text));
  child.stdin.on('error', () => {});
  const ended = once(child, 'exit');
  ended.then(() => child.stdin.destroy());
  // A test that forgets to stop the program can end nevertheless.
  for (const handle of [child, child.stdin, child.stdout, child.stderr]) handle.unref();

  return {
    /** The output of the program so far. */
    log: () => log,
    running: () => child.exitCode === null && child.signalCode === null,
    async stop() {
      child.ref();
      child.stdin.end();
      await ended;
    },
    /** Stops the program as `stop` does, but leaves the folder to the next. */
    async suspend() {
      await writeFile(join(folder, 'kept'), '');
      await this.stop();
      await rm(join(folder, 'kept'));
    },
  };
}

/** An unused port on loopback. */
export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/**
 * Repeats `probe` until its value is truthy, and returns the value; an exception of the probe
 * counts as "not yet".
 */
export async function until(probe, { what, kept, limit = 60_000 }) {
  const deadline = Date.now() + limit;
  let problem;
  while (Date.now() < deadline) {
    if (kept && !kept.running()) throw new Error(`${what}: the program has ended\n${end(kept.log())}`);
    try {
      const value = await probe();
      if (value) return value;
    } catch (error) {
      problem = error;
    }
    await pause(25);
  }
  throw new Error(`${what}: not within ${limit} ms\n${problem ?? ''}\n${end(kept?.log() ?? '')}`, {
    cause: problem,
  });
}

/** The last lines of a log. */
function end(log) {
  return log.split('\n').slice(-40).join('\n');
}

/** Whether a server listens on a port of loopback. */
export async function listens(port) {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
