// All tabs are given all messages as text, which nobody but the library looks at. It comes last in a world: a
// hook for text stays.

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
