// All tabs handle all messages, as elements in a handler.

export const sources = ['scripted', 'prosody'];

export async function measure(world) {
  const measured = {};
  for (const [label, size] of Object.entries(world.source.sizes)) {
    await world.findPace(size);
    const { rate, cpu } = await world.flood({ size });
    measured[`flood ${label}`] = rate;
    measured[`flood CPU ${label}`] = cpu;
  }
  return measured;
}
