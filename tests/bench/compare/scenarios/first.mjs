// The first tab of a visitor, whose worker is cold. A new visitor has nothing cached or compiled; a
// visitor who returns has the contestant's files in the HTTP cache.

import { medians } from '../statistics.mjs';
import { AHEAD } from './further.mjs';

export const sources = ['scripted'];
export const fits = (count) => count === 1;
const TIMES = 3;

export async function measure(world) {
  const times = [];
  for (let time = 0; time < TIMES * world.effort; time++)
    times.push({ ...(await comesAndReturns(world)), ...(await constructsAhead(world)) });
  return medians(times);
}

async function comesAndReturns(world) {
  const profile = await world.browser.visitor();
  const { whole, connected } = await world.timeTab({ profile });
  // Epode's worker would outlive its last tab by up to half a minute.
  await profile.endWorkers();
  const { connected: returning } = await world.timeTab({ profile });
  await profile.leave();
  return { 'first tab': whole, 'first CONNECTED': connected, 'first CONNECTED, returning': returning };
}

async function constructsAhead(world) {
  const profile = await world.browser.visitor();
  const { connected } = await world.timeTab({ profile, ahead: AHEAD });
  await profile.leave();
  return { 'first CONNECTED, ahead': connected };
}
