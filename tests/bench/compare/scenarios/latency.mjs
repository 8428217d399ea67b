// One stanza every 10 ms: the delay from the server's write to each tab's handler, and the CPU time.

export const sources = ['scripted', 'prosody'];

export async function measure(world) {
  const { delays, cpu } = await world.drip({ perSecond: 100, seconds: 3 * world.effort });
  delays.sort((one, other) => one - other);
  const at = (share) => delays[Math.floor((delays.length - 1) * share)];
  return { 'latency p50': at(0.5), 'latency p99': at(0.99), 'paced CPU': cpu / 1_000 };
}
