// The first tab of a browser: each time in a new profile, so nothing is cached or compiled, and the
// worker is cold.

export const sources = ['scripted'];
export const fits = (count) => count === 1;
const TIMES = 3;

export async function measure(world) {
  const { whole, connected } = await world.timeTabs(TIMES, { alone: true });
  return { 'first CONNECTED': connected, 'first tab': whole };
}
