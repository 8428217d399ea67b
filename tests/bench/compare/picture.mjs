// The picture and the table of the README: some metrics at the greatest number of tabs.

import { CONTESTANTS } from './contestants.mjs';
import { METRICS } from './metrics.mjs';
import { number } from './report.mjs';

const PANELS = ['flood 300 B', 'flood CPU 300 B', 'one claims CPU', 'latency p99'];
const COLUMNS = {
  'flood 300 B': 'flood, 300 bytes, stanzas/s',
  'flood 2 KB': 'flood, 2 KB, stanzas/s',
  'flood CPU 300 B': 'CPU, µs per stanza',
  'one claims CPU': 'one tab claims: CPU, µs',
  'latency p50': 'latency p50, ms',
  'latency p99': 'p99, ms',
  uplink: 'uplink, stanzas/s',
  'further tab': 'a further tab is up, ms',
  'memory per tab': 'memory per tab, MB',
};

const WIDTH = 760;
const LABELS = 222;
const BARS = WIDTH - LABELS - 80;
const ROW = 24;
const PANEL = 48 + CONTESTANTS.length * ROW;
const TOP = 36;

const STYLE = `
    text { font: 13px system-ui, sans-serif; fill: #1b1e28; }
    .title { font-size: 15px; font-weight: 600; }
    .soft { font-size: 12.5px; fill: #5b6173; }
    .label { text-anchor: end; fill: #5b6173; }
    .own { font-weight: 600; fill: #1b1e28; }
    .bar { fill: #c9cdda; }
    .own-bar { fill: #4a4fd6; }
    @media (prefers-color-scheme: dark) {
      text, .own { fill: #eceef5; }
      .soft, .label { fill: #a0a7bb; }
      .bar { fill: #454b5e; }
      .own-bar { fill: #9297ff; }
    }`;

/** The picture as SVG; `undefined` if one of its metrics was not measured. */
export function picture(results) {
  const panels = PANELS.map((metric, index) => panel(results, metric, TOP + index * PANEL));
  if (panels.includes(undefined)) return undefined;
  const tabs = results.tabs.at(-1);
  const title = `${tabs} tabs of one browser: Epode, Strophe 5, and workers written by hand`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${TOP + PANELS.length * PANEL}" role="img" aria-labelledby="title">`,
    `  <title id="title">${title}</title>`,
    `  <style>${STYLE}\n  </style>`,
    `  <text class="soft" x="0" y="14">${title}</text>`,
    ...panels,
    '</svg>',
    '',
  ].join('\n');
}

/** The table as Markdown. */
export function readmeTable(results) {
  const columns = Object.keys(COLUMNS).filter((metric) =>
    CONTESTANTS.some(({ name }) => results.summary({ metric, contestant: name })),
  );
  const row = (cells) => `| ${cells.join(' | ')} |`;
  const rows = CONTESTANTS.map(({ name, title }) =>
    row([title, ...columns.map((metric) => shown(results.summary({ metric, contestant: name })))]),
  );
  return [
    row([`${results.tabs.at(-1)} tabs`, ...columns.map((metric) => COLUMNS[metric])]),
    `|---|${'---:|'.repeat(columns.length)}`,
    ...rows,
    '',
  ].join('\n');
}

const shown = (summary) => (summary ? number(summary.median) : '');

function panel(results, metric, top) {
  const medians = CONTESTANTS.map(({ name }) => results.summary({ metric, contestant: name })?.median);
  const most = Math.max(...medians);
  if (!Number.isFinite(most)) return undefined;
  const { title, unit, more } = METRICS.get(metric);
  const head = `  <text class="title" x="0" y="${top + 14}">${title}</text>\n  <text class="soft" x="${WIDTH}" y="${top + 14}" text-anchor="end">${unit}, ${more ? 'more' : 'less'} is better</text>`;
  const rows = CONTESTANTS.map(({ name, title }, index) => {
    const y = top + 28 + index * ROW;
    const width = Math.max((medians[index] / most) * BARS, 1).toFixed(1);
    const own = name === 'epode';
    return [
      `  <text class="label${own ? ' own' : ''}" x="${LABELS - 10}" y="${y + 13}">${title}</text>`,
      `  <rect class="${own ? 'own-bar' : 'bar'}" x="${LABELS}" y="${y}" width="${width}" height="17" rx="3"/>`,
      `  <text${own ? ` class="own"` : ''} x="${(LABELS + Number(width) + 8).toFixed(1)}" y="${y + 13}">${number(medians[index])}</text>`,
    ].join('\n');
  });
  return [head, ...rows].join('\n');
}
