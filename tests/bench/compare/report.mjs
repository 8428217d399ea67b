// The tables that the command prints.

import { CONTESTANTS, ONE_FILE } from './contestants.mjs';
import { METRICS } from './metrics.mjs';

const ROWS = [...CONTESTANTS, ONE_FILE];
const WIDTH = { title: 34, cell: 34 };

/** One table for each metric: a row for each contestant, a column for each number of tabs. */
export function tables(results) {
  const lines = [
    '',
    "Medians of all rounds (least … most), and × what Strophe's worker (over BOSH: Strophe) has in the same rounds.",
  ];
  for (const source of ['scripted', 'prosody', 'bosh']) {
    for (const [metric, { title, unit }] of METRICS) {
      const tabs = results.tabs.filter((count) =>
        ROWS.some(({ name }) => results.summary({ source, metric, contestant: name, tabs: count })),
      );
      if (tabs.length === 0) continue;
      lines.push('', `${source === 'prosody' ? 'Prosody: ' : ''}${title}, ${unit}`);
      lines.push(
        ''.padEnd(WIDTH.title) +
          tabs.map((count) => `${count} ${count === 1 ? 'tab' : 'tabs'}`.padStart(WIDTH.cell)).join(''),
      );
      for (const { name, title } of ROWS) {
        const cells = tabs.map((count) => cell(results, { source, metric, contestant: name, tabs: count }));
        if (cells.some(Boolean))
          lines.push(
            `  ${title}`.padEnd(WIDTH.title) + cells.map((text) => text.padStart(WIDTH.cell)).join(''),
          );
      }
    }
  }
  return lines.join('\n');
}

/** The median, least and greatest value, and the ratio to Strophe's worker in the same rounds. */
function cell(results, at) {
  const found = results.summary(at);
  if (!found) return '';
  const contestant = at.source === 'bosh' ? 'strophe-tabs' : 'strophe-worker';
  const ratio = results.ratio(at, { ...at, contestant });
  const beside = ratio ? `× ${number(ratio.median)}` : '';
  return `${number(found.median)} (${number(found.least)} … ${number(found.most)}) ${beside.padStart(8)}`;
}

/** Each metric of this build as a ratio to the build before, within a round. */
export function besideBefore(results) {
  const lines = ['', 'this build / the build before, in the same rounds: median (least … most)'];
  for (const [metric, { title }] of METRICS) {
    for (const tabs of results.tabs) {
      const at = { metric, tabs };
      const ratio = results.ratio({ ...at, contestant: 'epode' }, { ...at, contestant: 'before' });
      if (!ratio) continue;
      const { median, least, most } = ratio;
      const row = `  ${title}, ${tabs} ${tabs === 1 ? 'tab' : 'tabs'}`.padEnd(WIDTH.title + WIDTH.cell);
      lines.push(`${row}${number(median)} (${number(least)} … ${number(most)})`);
    }
  }
  return lines.join('\n');
}

/** The sizes of the files that contestants load. */
export function sizeTable(sizes) {
  const row = (title, cells) =>
    title.padEnd(WIDTH.title + 8) + cells.map((text) => text.padStart(12)).join('');
  const rows = sizes.flatMap(({ title, page, worker }) =>
    Object.entries({ page, worker })
      .filter(([, { raw }]) => raw > 0)
      .map(([part, { raw, gzip, brotli }]) => row(`  ${title}, ${part}`, [raw, gzip, brotli].map(number))),
  );
  return ['', row('what is loaded, bytes', ['raw', 'gzip', 'brotli']), ...rows].join('\n');
}

/** The rates of the sources alone, and the contestants that came close: the source limited those. */
export function sourceTable(alone, results) {
  const lines = ['', 'sources alone, read by a client that only counts, stanzas/s'];
  for (const [source, rates] of Object.entries(alone)) {
    for (const [label, rate] of Object.entries(rates)) {
      const fastest = Math.max(
        ...results.samples
          .filter(
            (sample) =>
              sample.source === source &&
              sample.metric.endsWith(` ${label}`) &&
              METRICS.get(sample.metric)?.unit === 'stanzas/s',
          )
          .map(({ value }) => value),
      );
      const limits = fastest > rate / 2 ? '  it limits the fastest of the contestants' : '';
      lines.push(`  ${source}, ${label}`.padEnd(WIDTH.title) + number(rate).padStart(12) + limits);
    }
  }
  return lines.join('\n');
}

/** Every goal, and whether it was reached. */
export function goalTable(goals, tabs) {
  const lines = ['', `goals, ${tabs} tabs, ratios within a round (or as named): median (least … most)`];
  for (const {
    title,
    measured: { median, ...range },
    least,
    most,
    reached,
  } of goals) {
    const bound = least ? `at least ${number(least)}` : `at most ${number(most)}`;
    const measured = `${number(median)} (${number(range.least)} … ${number(range.most)})`;
    lines.push(
      `  ${title.padEnd(68)} ${bound.padStart(16)} ${measured.padStart(30)}  ${reached ? 'reached' : 'MISSED'}`,
    );
  }
  return lines.join('\n');
}

/** Three significant digits, which is more than a benchmark can know. */
export function number(value) {
  if (value >= 100) return Math.round(value).toLocaleString('en-US');
  return value
    .toPrecision(3)
    .replace(/(\.\d*?)0+$/, '$1')
    .replace(/\.$/, '');
}
