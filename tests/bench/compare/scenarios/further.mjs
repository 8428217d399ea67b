// One more tab: from `new Connection`, after import, until it hears that the session is up; and with the import.

import { median } from "../statistics.mjs";

export const sources = ["scripted"];
const TIMES = 3;

export async function measure(world) {
  const imports = [];
  const connects = [];
  for (let time = 0; time < TIMES; time++) {
    const { tab, close } = await world.openTab();
    imports.push(await tab.ask("load"));
    connects.push(await tab.ask("connect", world.source.account));
    await close();
  }
  return { "further tab": median(connects), "further tab, import": median(imports) };
}
