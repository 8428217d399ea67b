// The time of a further tab from its opening until the session is up, and from `new Connection` on.

export const sources = ['scripted'];
const TIMES = 3;

export async function measure(world) {
  const { whole, connected } = await world.timeTabs(TIMES);
  return { 'further tab': whole, 'further tab, connect': connected };
}
