// All rounds. Contestants take turns, and each round begins with another contestant, so that
// varying load on the machine affects all alike.

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { ROOTS, startWeb } from '../../browser/web.mjs';
import { bundleStrophe, CONTESTANTS } from './contestants.mjs';
import { mostTabs } from './results.mjs';
import * as claims from './scenarios/claims.mjs';
import * as first from './scenarios/first.mjs';
import * as flood from './scenarios/flood.mjs';
import * as footprint from './scenarios/footprint.mjs';
import * as further from './scenarios/further.mjs';
import * as latency from './scenarios/latency.mjs';
import * as raw from './scenarios/raw.mjs';
import * as uplink from './scenarios/uplink.mjs';
import { alone } from './sources/alone.mjs';
import { startProsodySources } from './sources/prosody.mjs';
import { openScripted } from './sources/scripted.mjs';
import { stage } from './stage.mjs';
import { World } from './world.mjs';

/** The scenarios, in the order of measurement. */
export const SCENARIOS = { footprint, flood, claims, latency, uplink, further, first, raw };

/** The folders that contestants load from, by URL prefix. */
export const roots = (output) => ({
  ...ROOTS,
  '/strophe/': join(output, 'strophe/'),
  '/bench/': fileURLToPath(new URL('pages/', import.meta.url)),
});

/** A web server for the contestants that, like real ones, lets browsers cache files. */
export async function startContestantsWeb(output) {
  await bundleStrophe(join(output, 'strophe'));
  const web = await startWeb(roots(output));
  for (const { page, worker } of CONTESTANTS) {
    for (const path of [...page, ...worker])
      web.overrides.set(path, { headers: { 'Cache-Control': 'max-age=3600' } });
  }
  return web;
}

/**
 * Measures everything that `options` ask for: by default with all `sources`, with Prosody only at
 * the greatest number of tabs.
 * @returns `samples`: `{ round, source, tabs, contestant, metric, value
 * }`; `failures`, as sentences; and `alone`, the rates of the sources
 */
export async function measureAll(
  { output, browser, rounds, tabs, only, effort, sources = ['scripted', 'prosody'] },
  contestants = CONTESTANTS,
) {
  const scenarios = Object.keys(SCENARIOS).filter((name) => !only || only.includes(name));
  const of = (source) => scenarios.filter((name) => SCENARIOS[name].sources.includes(source));
  const samples = [];
  const failures = [];
  const web = await startContestantsWeb(output);
  const prosody =
    sources.includes('prosody') && of('prosody').length ? await startProsodySources() : undefined;
  const rates = {};
  const opening = { scripted: openScripted, prosody: prosody?.open };
  try {
    for (const source of sources.filter((source) => of(source).length)) {
      await stage(
        `source: ${source}`,
        async () => (rates[source] = await alone(await opening[source](), Math.round(2_000 * effort))),
      );
    }
    for (let round = 0; round < rounds; round++) {
      for (const source of sources) {
        const here = of(source);
        const counts = source === 'prosody' ? [mostTabs(tabs)] : tabs;
        for (const count of here.length ? counts : []) {
          for (const { name: contestant } of rotated(contestants, round)) {
            const from = source === 'prosody' ? ', Prosody' : '';
            await stage(
              `round ${round + 1}: ${contestant}, ${count} ${count === 1 ? 'tab' : 'tabs'}${from}`,
              async () => {
                const world = await World.open({
                  browserName: browser,
                  web,
                  source: await opening[source](),
                  contestant,
                  count,
                  effort,
                });
                try {
                  for (const scenario of here) {
                    const measured = await SCENARIOS[scenario].measure(world);
                    for (const [metric, value] of Object.entries(measured))
                      samples.push({ round, source, tabs: count, contestant, metric, value });
                  }
                } finally {
                  await world.stop();
                }
              },
            ).catch((error) =>
              failures.push(`${contestant}, ${count} tabs${from}, round ${round + 1}: ${error.message}`),
            );
          }
        }
      }
    }
  } finally {
    await prosody?.stop();
    await web.stop();
  }
  return { samples, failures, alone: rates };
}

function rotated(list, by) {
  const start = by % list.length;
  return [...list.slice(start), ...list.slice(0, start)];
}
