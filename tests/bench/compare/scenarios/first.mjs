// The first tab of a browser: each time in a new profile, so nothing is cached or compiled, and the
// worker is cold.

export const sources = ['scripted'];
const TIMES = 3;

export async function measure(world) {
  if (world.tabs.length > 1) return {};
  const { whole, connected } = await world.timeTabs(TIMES, { alone: true });
  return { 'first CONNECTED': connected, 'first tab': whole };
}
