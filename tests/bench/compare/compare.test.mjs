// The benchmark itself: every contestant passes every scenario, and a lost stanza is a failure.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

import { CONTESTANTS } from './contestants.mjs';
import { METRICS } from './metrics.mjs';
import { picture, readmeTable } from './picture.mjs';
import { Results } from './results.mjs';
import { measureAll, roots, startContestantsWeb } from './rounds.mjs';
import * as first from './scenarios/first.mjs';
import * as idle from './scenarios/idle.mjs';
import { openScripted } from './sources/scripted.mjs';
import { message, SIZES } from './stanzas.mjs';
import { World } from './world.mjs';

const FEW = { browser: 'chromium', rounds: 1, tabs: [1], effort: 0.1 };
let output;
before(async () => (output = await mkdtemp(join(tmpdir(), 'epode-bench-'))));
after(() => rm(output, { recursive: true, force: true }));

test('every contestant is measured in every metric of a single tab', async () => {
  const { samples, failures } = await measureAll({ ...FEW, output, sources: ['scripted'] });
  assert.deepEqual(failures, []);
  // The scenario `claims` needs several tabs, and `idle` must be named.
  const wanted = [...METRICS.keys()]
    .filter((metric) => !/claims|tenth|idle|million|BOSH/.test(metric))
    .sort();
  for (const { name } of CONTESTANTS) {
    const mine = samples.filter(({ contestant }) => contestant === name);
    assert.deepEqual(mine.map(({ metric }) => metric).sort(), wanted, name);
    for (const { metric, value } of mine)
      assert.ok(Number.isFinite(value) && value > 0, `${name}, ${metric}: ${value}`);
  }
});

test('two tabs are measured on Prosody', async () => {
  const { samples, failures } = await measureAll(
    { ...FEW, output, tabs: [2], only: ['latency'], sources: ['prosody'] },
    CONTESTANTS.slice(0, 1),
  );
  assert.deepEqual(failures, []);
  assert.deepEqual(
    samples.map(({ metric, tabs }) => [metric, tabs]),
    [
      ['latency p50', 2],
      ['latency p99', 2],
      ['paced CPU', 2],
    ],
  );
});

test('Epode and Strophe are measured on streams that the server manages', async () => {
  const { samples, failures } = await measureAll({
    ...FEW,
    output,
    only: ['latency'],
    sources: ['scripted'],
    managed: true,
  });
  assert.deepEqual(failures, []);
  assert.deepEqual([...new Set(samples.map(({ contestant }) => contestant))].sort(), [
    'epode',
    'strophe-tabs',
    'strophe-worker',
  ]);
});

test('Epode and Strophe are measured over BOSH', async () => {
  const { samples, failures } = await measureAll({ ...FEW, output, only: ['bosh'], sources: ['bosh'] });
  assert.deepEqual(failures, []);
  assert.deepEqual([...new Set(samples.map(({ contestant }) => contestant))].sort(), [
    'epode',
    'strophe-tabs',
  ]);
  const wanted = [...METRICS.keys()].filter((metric) => metric.startsWith('BOSH')).sort();
  assert.deepEqual([...new Set(samples.map(({ metric }) => metric))].sort(), wanted);
});

test('no contestant says anything to the server before `connect`', async () => {
  for (const { name } of CONTESTANTS) {
    await inWorld({ contestant: name, count: 1 }, async ({ tabs: [tab], source }) => {
      await tab.ask('load');
      await tab.ask('construct', source.account);
      await pause(500);
      assert.equal(source.streams(), 0, name);
      await tab.ask('connect', source.account);
      assert.equal(source.streams(), 1, name);
    });
  }
});

test('a visitor who returns has a cold worker and a warm cache', async () => {
  const changes = { '/epode-worker.js': `fetch('/start');` };
  await inWorld({ contestant: 'epode', count: 0, changes }, async (world) => {
    const measured = await first.measure(world);
    assert.ok(measured['first CONNECTED, returning'] > 0);
    // One visitor came and returned, another came once.
    const requests = (path) => world.web.requests.filter((request) => request === path).length;
    assert.equal(requests('/start'), 3);
    for (const path of ['/epode.js', '/epode-worker.js', '/epode-worker.wasm'])
      assert.equal(requests(path), 2, path);
  });
});

test('idle tabs that work and a worker that leaks miss the goals', async () => {
  const measure = (changes) =>
    inWorld({ contestant: 'epode', count: 2, effort: 0.05, changes }, async (world) => {
      const empty = await idle.beforehand(world);
      await world.connect();
      const measured = await idle.measure(world, empty);
      const common = { round: 0, source: 'scripted', tabs: 2, contestant: 'epode' };
      const samples = Object.entries(measured).map(([metric, value]) => ({ ...common, metric, value }));
      const [cpu, memory, ...others] = new Results(samples).goals();
      assert.deepEqual(others, []);
      return { cpu, memory };
    });
  const busy =
    'setInterval(() => { for (const end = performance.now() + 25; performance.now() < end; ); }, 50);';
  const leaky = `
    const kept = [];
    const Socket = WebSocket;
    self.WebSocket = class extends Socket {
      constructor(...given) {
        super(...given);
        this.addEventListener('message', () => kept.push(new Uint8Array(2_000).fill(1)));
      }
    };`;
  const healthy = await measure({});
  const ill = await measure({ '/epode.js': busy, '/epode-worker.js': leaky });
  assert.equal(ill.cpu.reached, false);
  assert.ok(ill.cpu.measured.median > healthy.cpu.measured.median + 10, JSON.stringify({ healthy, ill }));
  assert.equal(ill.memory.reached, false);
  assert.ok(
    ill.memory.measured.median > healthy.memory.measured.median + 0.1,
    JSON.stringify({ healthy, ill }),
  );
});

test('the CPU of a thread that has ended counts', async () => {
  const thread = `const end = performance.now() + 800;
    while (performance.now() < end);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_500);`;
  const program = `new (require('node:worker_threads').Worker)(${JSON.stringify(thread)}, { eval: true });
    setTimeout(() => {}, 60_000);`;
  const child = spawn(process.execPath, ['--eval', program]);
  try {
    const used = await World.prototype.rest.call({ browser: child }, 4);
    assert.ok(used > 0.3, `${used} s`);
  } finally {
    child.kill();
  }
});

test('a stanza that is lost or out of order is a failure', async () => {
  await inWorld({ contestant: 'posts', count: 1 }, async (world) => {
    await world.connect();
    const { prepare } = world.source;
    world.source.prepare = (stanzas) => prepare(stanzas.toSpliced(3, 1));
    await assert.rejects(world.flood({ stanzas: 150 }), /tab 0 has handled 149 of 150 stanzas/);
    world.source.prepare = (stanzas) => prepare([stanzas[1], stanzas[0], ...stanzas.slice(2)]);
    await assert.rejects(world.flood({ stanzas: 150 }), /tab 0 has handled 1 stanzas out of order/);
    world.source.prepare = prepare;
    assert.ok((await world.flood({ stanzas: 150 })).rate > 0);
  });
});

test('a message has the size requested', () => {
  for (const size of Object.values(SIZES)) {
    for (const number of [0, 5_999])
      assert.equal(message({ to: 'romeo@montague.lit', number, size }).length, size);
  }
});

test('the picture and the table show the median of every contestant', () => {
  const samples = [...METRICS.keys()].flatMap((metric) =>
    CONTESTANTS.flatMap(({ name: contestant }, index) =>
      [1, 16].flatMap((tabs) =>
        [1, 2, 9].map((value, round) => ({
          round,
          source: 'scripted',
          tabs,
          contestant,
          metric,
          value: value * tabs * (index + 1),
        })),
      ),
    ),
  );
  const drawn = picture(new Results(samples));
  assert.match(drawn, /^<svg .*16 tabs of one browser.*<\/svg>\n$/s);
  const table = readmeTable(new Results(samples));
  for (const [index, { title }] of CONTESTANTS.entries()) {
    const median = `${32 * (index + 1)}`;
    assert.equal(drawn.split(`>${median}<`).length - 1, 4, title);
    assert.ok(table.includes(`| ${title} | ${median} |`), table);
  }
  assert.equal(picture(new Results(samples.filter(({ metric }) => metric !== 'latency p99'))), undefined);
});

test('a goal is judged by the median of the ratios within each round', () => {
  const sample = (contestant, values) =>
    values.map((value, round) => ({
      round,
      source: 'scripted',
      tabs: 16,
      contestant,
      metric: 'raw 300 B',
      value,
    }));
  const results = new Results([...sample('epode', [300, 10, 200]), ...sample('strophe-worker', [10, 1, 20])]);
  const [goal, ...others] = results.goals();
  assert.deepEqual(others, []);
  assert.deepEqual(goal.measured, { median: 10, least: 10, most: 30, count: 3 });
  assert.equal(goal.reached, false);
});

test('a goal without another contestant is judged by the value', () => {
  const at = { source: 'scripted', tabs: 16, contestant: 'epode', metric: 'idle CPU' };
  const results = new Results([0.7, 0.4, 0.3].map((value, round) => ({ ...at, round, value })));
  const [goal, ...others] = results.goals();
  assert.deepEqual(others, []);
  assert.deepEqual(goal.measured, { median: 0.4, least: 0.3, most: 0.7, count: 3 });
  assert.equal(goal.reached, true);
});

/**
 * Calls `work` with a world of empty tabs on a source of its own. `changes` are scripts by path, which
 * run before the contestant's.
 */
async function inWorld({ contestant, count, effort = 0.1, changes = {} }, work) {
  const web = await startContestantsWeb(output);
  for (const [path, script] of Object.entries(changes)) {
    const body = async () => `${script}\n${await readFile(join(roots(output)['/'], path), 'utf8')}`;
    web.overrides.set(path, { ...web.overrides.get(path), body });
  }
  const source = await openScripted();
  const world = await World.open({ browserName: 'chromium', web, source, contestant, count, effort });
  try {
    return await work(world);
  } finally {
    await world.stop();
    await web.stop();
  }
}
