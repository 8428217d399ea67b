// The cost of tabs that want little: one tab handles all messages and the others none; then all
// handle a tenth.

export const sources = ['scripted'];
export const fits = (count) => count > 1;

export async function measure(world) {
  const one = await world.flood({ as: (index) => ({ as: index === 0 ? 'elements' : 'nothing' }) });
  const tenth = await world.flood({ share: 10 });
  return {
    'one claims CPU': one.cpu,
    'a tenth CPU': tenth.cpu,
    'one claims': one.rate,
    'a tenth': tenth.rate,
  };
}
