// All rounds. Contestants take turns, and each round begins with another contestant, so that
// varying load on the machine affects all alike.

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { ROOTS, startWeb } from '../../browser/web.mjs';
import { BEFORE, bundleStrophe, CONTESTANTS, ONE_FILE } from './contestants.mjs';
import { mostTabs } from './results.mjs';
import * as bosh from './scenarios/bosh.mjs';
import * as claims from './scenarios/claims.mjs';
import * as first from './scenarios/first.mjs';
import * as flood from './scenarios/flood.mjs';
import * as footprint from './scenarios/footprint.mjs';
import * as further from './scenarios/further.mjs';
import * as idle from './scenarios/idle.mjs';
import * as latency from './scenarios/latency.mjs';
import * as raw from './scenarios/raw.mjs';
import * as uplink from './scenarios/uplink.mjs';
import { alone } from './sources/alone.mjs';
import { startBoshSources } from './sources/bosh.mjs';
import { startProsodySources } from './sources/prosody.mjs';
import { openScripted } from './sources/scripted.mjs';
import { stage } from './stage.mjs';
import { World } from './world.mjs';

/**
 * The scenarios, in the order of measurement. Each exports its `sources`; `fits`, whether a number of
 * tabs (of which the second argument is the greatest) is measured; `byNameOnly`; `beforehand`, which
 * is called while the tabs are empty; and `measure`, which gets the value that `beforehand` returned,
 * and returns values by metric.
 */
export const SCENARIOS = { footprint, idle, flood, claims, latency, uplink, further, first, raw, bosh };

/** The folders that contestants load from, by URL prefix; `before` is the folder of another build. */
export const roots = (output, before) => ({
  ...ROOTS,
  ...(before && { '/before/': join(before, '/') }),
  '/strophe/': join(output, 'strophe/'),
  '/bench/': fileURLToPath(new URL('pages/', import.meta.url)),
});

/** A web server for the contestants that, like real ones, lets browsers cache files. */
export async function startContestantsWeb(output, before) {
  await bundleStrophe(join(output, 'strophe'));
  const web = await startWeb(roots(output, before));
  for (const { page, worker } of [...CONTESTANTS, ONE_FILE, BEFORE]) {
    for (const path of [...page, ...worker])
      web.overrides.set(path, { headers: { 'Cache-Control': 'max-age=3600' } });
  }
  return web;
}

/**
 * Measures everything that `options` ask for: by default with all `sources`, with Prosody only at
 * the greatest number of tabs, and all scenarios that need not be named.
 * @returns `samples`: `{ round, source, tabs, contestant, metric, value
 * }`; `failures`, as sentences; and `alone`, the rates of the sources
 */
export async function measureAll(
  { output, browser, rounds, tabs, only, effort, before, managed, named, sources = ['scripted', 'prosody'] },
  contestants = contestantsOf(sources, before, managed, named),
) {
  const chosen = only ?? Object.keys(SCENARIOS).filter((name) => !SCENARIOS[name].byNameOnly);
  const scenarios = Object.keys(SCENARIOS)
    .filter((name) => chosen.includes(name))
    .map((name) => SCENARIOS[name]);
  const plan = worlds(scenarios, sources, tabs);
  const used = sources.filter((source) => plan.some((world) => world.source === source));
  const samples = [];
  const failures = [];
  const web = await startContestantsWeb(output, before);
  const prosody = used.includes('prosody') ? await startProsodySources() : undefined;
  const overBosh = used.includes('bosh') ? await startBoshSources() : undefined;
  const opening = { scripted: () => openScripted({ managed }), prosody: prosody?.open, bosh: overBosh?.open };
  const rates = {};
  try {
    for (const source of used.filter((source) => source !== 'bosh')) {
      await stage(
        `source: ${source}`,
        async () => (rates[source] = await alone(await opening[source](), Math.round(2_000 * effort))),
      );
    }
    for (let round = 0; round < rounds; round++) {
      for (const { source, count, scenarios } of plan) {
        for (const { name: contestant } of rotated(contestants, round)) {
          const from = { prosody: ', Prosody', bosh: ', BOSH' }[source] ?? '';
          const where = `${contestant}, ${count} ${count === 1 ? 'tab' : 'tabs'}${from}`;
          const note = (metric, value) =>
            samples.push({ round, source, tabs: count, contestant, metric, value });
          await stage(`round ${round + 1}: ${where}`, async () => {
            const opened = await opening[source]();
            opened.account.managed = managed;
            const parts = { browserName: browser, web, source: opened, effort };
            await measureWorld({ ...parts, contestant, count }, scenarios, note);
          }).catch((error) => failures.push(`${where}, round ${round + 1}: ${error.message}`));
        }
      }
    }
  } finally {
    await prosody?.stop();
    await overBosh?.stop();
    await web.stop();
  }
  return { samples, failures, alone: rates };
}

/**
 * Strophe's worker does not speak BOSH, and what is written by hand does not speak XEP-0198; two builds are
 * compared beside Strophe's worker alone.
 */
function contestantsOf(sources, before, managed, named) {
  const names = sources.includes('bosh')
    ? ['epode', 'before', 'strophe-tabs']
    : before
      ? ['epode', 'before', 'strophe-worker']
      : (named ??
        (managed ? ['epode', 'strophe-worker', 'strophe-tabs'] : CONTESTANTS.map(({ name }) => name)));
  const all = [BEFORE, ...CONTESTANTS, ONE_FILE];
  return all.filter(({ name }) => names.includes(name) && (before || name !== 'before'));
}

/** The worlds of a round in which there is something to measure. */
function worlds(scenarios, sources, tabs) {
  const most = mostTabs(tabs);
  const measured = (source, count) =>
    scenarios.filter(({ sources, fits = () => true }) => sources.includes(source) && fits(count, most));
  const counts = (source) => (source === 'prosody' ? [most] : tabs);
  return sources
    .flatMap((source) => counts(source).map((count) => ({ source, count })))
    .map((world) => ({ ...world, scenarios: measured(world.source, world.count) }))
    .filter(({ scenarios }) => scenarios.length > 0);
}

/** Opens a world, notes the measurements of the scenarios, and closes the world. */
async function measureWorld(how, scenarios, note) {
  const world = await World.open(how);
  try {
    const before = [];
    for (const { beforehand } of scenarios) before.push(await beforehand?.(world));
    await world.connect();
    for (const [index, { measure }] of scenarios.entries()) {
      const measured = await measure(world, before[index]);
      for (const [metric, value] of Object.entries(measured)) note(metric, value);
    }
  } finally {
    await world.stop();
  }
}

function rotated(list, by) {
  const start = by % list.length;
  return [...list.slice(start), ...list.slice(0, start)];
}
