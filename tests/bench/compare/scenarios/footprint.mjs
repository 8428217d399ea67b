// The memory per tab after some floods, and the bytes on the wire until all tabs are up.

export const sources = ['scripted'];

export const beforehand = (world) => world.memory();

export async function measure(world, empty) {
  return {
    'memory per tab': (world.memory() - empty) / world.tabs.length / 1e6,
    'wire, all up': world.bytesUp,
    'wire per stanza': await world.bytesPerStanza(),
  };
}
