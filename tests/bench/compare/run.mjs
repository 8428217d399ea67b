// Compares Epode with Strophe and with workers written by hand, as run by `cargo xtask bench`.
// usage: node run.mjs --output DIR [--browser NAME] [--rounds N] [--tabs 1,16] [--only flood,latency]
// [--sources scripted] [--contestants epode,strophe-worker] [--quick]

import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';

import { CONTESTANTS, sizes } from './contestants.mjs';
import { options } from './options.mjs';
import { picture, readmeTable } from './picture.mjs';
import { besideBefore, goalTable, number, sizeTable, sourceTable, tables } from './report.mjs';
import { mostTabs, Results } from './results.mjs';
import { measureAll, roots } from './rounds.mjs';

const chosen = options(process.argv.slice(2));
await mkdir(chosen.output, { recursive: true });
const begun = new Date();
const { samples, failures, alone } = await measureAll(chosen);

const loaded = CONTESTANTS.map((contestant) => ({
  title: contestant.title,
  ...sizes(contestant, roots(chosen.output)),
}));
const results = new Results(samples, loaded);
const goals = results.goals();

console.log(tables(results));
console.log(sizeTable(loaded));
console.log(sourceTable(alone, results));
if (chosen.before) console.log(besideBefore(results));
console.log(goalTable(goals, mostTabs(chosen.tabs)));

const { browser, rounds, effort } = chosen;
const file = join(chosen.output, 'compare.json');
await writeFile(
  file,
  `${JSON.stringify({ begun, browser, rounds, effort, processors: cpus().length, alone, sizes: loaded, goals, failures, samples }, null, 1)}\n`,
);
console.log(`\nall samples: ${file}`);
const drawn = picture(results);
if (drawn) {
  await writeFile(join(chosen.output, 'side-by-side.md'), readmeTable(results));
  await writeFile(join(chosen.output, 'side-by-side.svg'), drawn);
  if (chosen.whole) await writeFile('docs/side-by-side.svg', drawn);
  console.log(
    `for the README: side-by-side.svg and side-by-side.md beside them${chosen.whole ? ', and docs/side-by-side.svg' : ''}`,
  );
}

for (const failure of failures) console.log(`failed: ${failure}`);
const missed = goals.filter(({ reached }) => !reached);
const names = missed.map(({ title, measured }) => `${title} (${number(measured.median)})`).join('; ');
// The last line, which the command prints.
await writeFile(
  join(chosen.output, 'summary.txt'),
  `${goals.length - missed.length} of ${goals.length} goals reached${names && `; missed: ${names}`}`,
);
process.exitCode = failures.length ? 1 : 0;
