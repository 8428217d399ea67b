// One more tab, from its opening until it hears that the session is up: the page, the import, and what comes
// after `new Connection`.

export const sources = ['scripted'];
const TIMES = 3;

export async function measure(world) {
  const { whole, connected } = await world.timeTabs(TIMES);
  return { 'further tab': whole, 'further tab, connect': connected };
}
