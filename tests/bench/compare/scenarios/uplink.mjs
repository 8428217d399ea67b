// One tab sends messages in one task; the clock stops when the server has received all.

export const sources = ['scripted'];

export async function measure(world) {
  // The last tab: with several, not the tab that opened the session.
  const tab = world.tabs.at(-1);
  const send = async (count) => {
    const received = world.source.received(count);
    const begun = await tab.ask('send', {
      to: world.source.contact,
      body: 'Wherefore art thou Romeo? '.repeat(8),
      count,
    });
    return count / (((await received) - begun) / 1_000);
  };
  await send(200);
  return { uplink: await send(world.length(300)) };
}
