// The apps of this folder, each built by its own tool with the package as npm packs it.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { eventually } from '../browser/apps.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const sources = fileURLToPath(new URL('.', import.meta.url));
/** Where the apps are installed and built: an ignored folder. */
const workshop = join(root, 'target/apps');
/** A path below which an app is served once more. */
export const BASE = '/deep/down/';

/** Runs a program to its end, in a folder; answers with what it wrote. */
export async function run(folder, command, args, env = {}) {
  const program = start(folder, command, args, env);
  const [code] = await once(program.child, 'close');
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}\n${program.said()}`);
  return program.said();
}

/** Starts a program that serves, and waits until it answers at this port. */
export async function serve(folder, command, args, port, env = {}) {
  const program = start(folder, command, args, env);
  const answers = async () => {
    if (program.child.exitCode !== null) throw new Error(program.said());
    return fetch(`http://localhost:${port}/`).then(
      () => true,
      () => false,
    );
  };
  await eventually(`an answer of ${command} at ${port}`, answers, 60_000);
  return {
    async stop() {
      const closed = once(program.child, 'close');
      // With what it has started itself.
      process.kill(-program.child.pid, 'SIGKILL');
      await closed;
    },
  };
}

function start(folder, command, args, env = {}) {
  const path = `${join(folder, 'node_modules/.bin')}:${process.env.PATH}`;
  const { NODE_ENV, NODE_TEST_CONTEXT, ...inherited } = process.env;
  const child = spawn(command, args, {
    cwd: folder,
    detached: true,
    env: { ...inherited, NO_COLOR: '1', NEXT_TELEMETRY_DISABLED: '1', PATH: path, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (said += data));
  child.on('error', (error) => (said += error.message));
  return { child, said: () => said };
}

let packed;
/** The package as npm packs it: the tarball's path. */
export function pack() {
  packed ??= (async () => {
    await mkdir(workshop, { recursive: true });
    const args = ['pack', '--json', '--pack-destination', workshop];
    const [{ filename }] = JSON.parse(await run(join(root, 'client-shim'), 'npm', args));
    return join(workshop, filename);
  })();
  return packed;
}

/**
 * Copies the app `name`, and installs its tools and the package; `of` names another app whose sources
 * it shares.
 *
 * @param {boolean} linked whether the package is linked, as `npm link` does, and not copied
 * @returns the folder
 */
export async function install(name, { of = name, linked = false } = {}) {
  const folder = join(workshop, linked ? `${name}-linked` : name);
  await mkdir(folder, { recursive: true });
  for (const file of await readdir(folder)) {
    if (file !== 'node_modules') await rm(join(folder, file), { recursive: true });
  }
  for (const source of of === name ? [name] : [of, name])
    await cp(join(sources, source), folder, { recursive: true });
  await cp(join(sources, 'app.js'), join(folder, 'app.js'));

  const lock = await readFile(join(folder, 'package-lock.json'), 'utf8').catch(() => undefined);
  const stamp = join(folder, 'node_modules/.epode-lock');
  if (lock && lock !== (await readFile(stamp, 'utf8').catch(() => undefined))) {
    await run(folder, 'npm', ['ci', '--omit-lockfile-registry-resolved', '--no-audit', '--no-fund']);
    await writeFile(stamp, lock);
  }
  const place = join(folder, 'node_modules/epode');
  await rm(place, { recursive: true, force: true });
  await mkdir(linked ? join(folder, 'node_modules') : place, { recursive: true });
  if (linked) await symlink(join(root, 'client-shim'), place);
  else await run(place, 'tar', ['xzf', await pack(), '--strip-components=1']);
  return folder;
}

/** The scripts of an app, as one text. */
export async function sourcesOf(name) {
  const entries = await readdir(join(sources, name), { recursive: true });
  const scripts = entries.filter((entry) => /^(?!node_modules).*\.jsx?$/.test(entry));
  return (await Promise.all(scripts.map((script) => readFile(join(sources, name, script), 'utf8')))).join('');
}

/** The version of the tool that an app is pinned to. */
export async function versionOf(name, tool) {
  const { packages } = JSON.parse(await readFile(join(sources, name, 'package-lock.json'), 'utf8'));
  return packages[`node_modules/${tool}`].version;
}

/** A page that loads the one script of this name in a folder, whose hash nobody knows beforehand. */
export async function writePage(folder, isEntry, base = '/') {
  const [script] = (await readdir(folder)).filter(isEntry);
  const head = await readFile(join(sources, 'index.html'), 'utf8');
  await writeFile(
    join(folder, 'index.html'),
    `${head}<script type="module" src="${base}${script}"></script>\n`,
  );
}
