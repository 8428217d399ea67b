// Epode side by side with Strophe and with what one writes by hand, as `cargo xtask bench` runs it.
// usage: node run.mjs --output DIR [--browser NAME] [--rounds N] [--tabs 1,16] [--only flood,latency] [--quick]

import { mkdir, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { join } from "node:path";

import { CONTESTANTS, sizes } from "./contestants.mjs";
import { options } from "./options.mjs";
import { goalTable, number, sizeTable, tables } from "./report.mjs";
import { mostTabs, Results } from "./results.mjs";
import { measureAll, roots } from "./rounds.mjs";

const chosen = options(process.argv.slice(2));
await mkdir(chosen.output, { recursive: true });
const begun = new Date();
const { samples, failures } = await measureAll(chosen);
const results = new Results(samples);

const folders = roots(chosen.output);
const pathOf = (address) => {
  const prefix = Object.keys(folders).filter((prefix) => address.startsWith(prefix)).sort((one, other) => other.length - one.length)[0];
  return join(folders[prefix], address.slice(prefix.length));
};
const loaded = CONTESTANTS.map((contestant) => ({ title: contestant.title, ...sizes(contestant, pathOf) }));
const goals = results.goals();

console.log(tables(results));
console.log(sizeTable(loaded));
if (goals.length) console.log(goalTable(goals, mostTabs(chosen.tabs)));

const { browser, rounds, effort } = chosen;
const file = join(chosen.output, "compare.json");
await writeFile(file, `${JSON.stringify({ begun, browser, rounds, effort, processors: cpus().length, sizes: loaded, goals, failures, samples }, null, 1)}\n`);
console.log(`\nall samples: ${file}`);

for (const failure of failures) console.log(`failed: ${failure}`);
const missed = goals.filter(({ reached }) => !reached);
const names = missed.map(({ title, ratio }) => `${title} (× ${number(ratio.median)})`).join("; ");
// The last line, which the command prints.
await writeFile(join(chosen.output, "summary.txt"), `${goals.length - missed.length} of ${goals.length} goals reached${names && `; missed: ${names}`}`);
process.exitCode = failures.length ? 1 : 0;
