// What a tab weighs once it has handled some messages, and what the server saw of all tabs' coming up.

export const sources = ['scripted'];

export async function measure(world) {
  return {
    'memory per tab': (world.memory() - world.empty) / world.tabs.length / 1e6,
    'wire, all up': world.bytesUp,
    'wire per stanza': await world.bytesPerStanza(),
  };
}
