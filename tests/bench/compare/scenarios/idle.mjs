// Tabs in which nothing happens: the CPU of a quiet minute, beside that of as many empty tabs in the
// same browser. Then what lasts: Epode's memory after a million stanzas, beside that after a tenth of
// them.

import { setTimeout as pause } from 'node:timers/promises';

import { median } from '../statistics.mjs';

export const sources = ['scripted'];
export const fits = (count, most) => count === most;
/** The minutes of this scenario would more than double the time of all the others. */
export const byNameOnly = true;

/** The seconds for which a browser is left alone before a quiet minute, and before its memory counts. */
const SETTLED = 15;
const MINUTE = 60;
const MILLION = 1_000_000;
/** The stanzas of one flood. */
const FLOOD = 8_000;
/** How often memory is read, once a second; the median counts. */
const READINGS = 9;

export const beforehand = quietMinute;

export async function measure(world, empty) {
  const connected = await quietMinute(world);
  const idle = { 'idle CPU': connected - empty, 'idle CPU, empty': empty };
  // A million stanzas for 16 tabs would take Strophe's worker a quarter of an hour.
  return world.contestant === 'epode' ? { ...idle, ...(await memories(world)) } : idle;
}

/** The seconds of CPU in a quiet minute. */
async function quietMinute(world) {
  await pause(SETTLED * world.effort * 1_000);
  return (await world.rest(MINUTE * world.effort)) / world.effort;
}

async function memories(world) {
  const { collectGarbage } = world.browser;
  if (!collectGarbage) return {};
  let handled = 0;
  const after = async (stanzas) => {
    while (handled < stanzas) {
      const flood = Math.min(FLOOD, stanzas - handled);
      await world.flood({ stanzas: flood });
      handled += flood;
    }
    await collectGarbage();
    await pause(SETTLED * world.effort * 1_000);
    // A browser at rest differs from reading to reading by some percent.
    const readings = [];
    while (readings.length < READINGS) {
      await pause(1_000 * world.effort);
      readings.push(world.memory() / 1e6);
    }
    return median(readings);
  };
  return {
    'memory, a tenth': await after((MILLION / 10) * world.effort),
    'memory, a million': await after(MILLION * world.effort),
  };
}
