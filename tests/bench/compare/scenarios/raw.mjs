// All tabs get all messages as text. This scenario is the last of a world, since a hook for text
// cannot be removed.

export const sources = ['scripted'];

export async function measure(world) {
  const measured = {};
  for (const [label, size] of Object.entries(world.source.sizes)) {
    const { rate, cpu } = await world.flood({ size, as: () => ({ as: 'texts' }) });
    measured[`raw ${label}`] = rate;
    measured[`raw CPU ${label}`] = cpu;
  }
  return measured;
}
