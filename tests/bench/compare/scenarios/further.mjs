// A further tab, from its opening and from the calls of its app until the session is up.

import { medians } from '../statistics.mjs';

export const sources = ['scripted'];
const TIMES = 3;
/** The milliseconds between `new Connection` and `connect()` in a page that constructs ahead. */
export const AHEAD = 1_000;

export async function measure(world) {
  const times = [];
  for (let time = 0; time < TIMES * world.effort; time++) {
    const { whole, connected } = await world.timeTab();
    const { connected: ahead } = await world.timeTab({ ahead: AHEAD });
    times.push({ 'further tab': whole, 'further tab, at once': connected, 'further tab, ahead': ahead });
  }
  return medians(times);
}
