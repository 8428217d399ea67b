// The first tab of a browser that has seen nothing of it before: each time a profile of its own, so nothing is cached or compiled.

import { median } from "../statistics.mjs";

export const sources = ["scripted"];
const TIMES = 3;

export async function measure(world) {
  if (world.tabs.length > 1) return {};
  const imports = [];
  const connects = [];
  for (let time = 0; time < TIMES; time++) {
    const { tab, close } = await world.openTab({ alone: true });
    imports.push(await tab.ask("load"));
    connects.push(await tab.ask("connect", world.source.account));
    await close();
  }
  return { "first CONNECTED": median(connects), "first tab, import": median(imports) };
}
