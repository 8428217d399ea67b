// The metrics, in the order of the report, and Epode's goals: ratios within one run.

/** `more` says whether more is better. */
const metric = (name, title, unit, more) => [name, { title, unit, more }];

export const METRICS = new Map([
  metric('flood 300 B', 'flood through addHandler, 300 bytes', 'stanzas/s', true),
  metric('flood 2 KB', 'flood through addHandler, 2 KB', 'stanzas/s', true),
  metric('flood CPU 300 B', 'CPU of the flood through addHandler, 300 bytes', 'µs per stanza', false),
  metric('flood CPU 2 KB', 'CPU of the flood through addHandler, 2 KB', 'µs per stanza', false),
  metric('raw 300 B', 'flood as text, 300 bytes', 'stanzas/s', true),
  metric('raw 2 KB', 'flood as text, 2 KB', 'stanzas/s', true),
  metric('raw CPU 300 B', 'CPU of the flood as text, 300 bytes', 'µs per stanza', false),
  metric('raw CPU 2 KB', 'CPU of the flood as text, 2 KB', 'µs per stanza', false),
  metric('one claims', 'flood, one tab claims, the others nothing', 'stanzas/s', true),
  metric('one claims CPU', 'CPU, one tab claims, the others nothing', 'µs per stanza', false),
  metric('a tenth', 'flood, all tabs claim a tenth', 'stanzas/s', true),
  metric('a tenth CPU', 'CPU, all tabs claim a tenth', 'µs per stanza', false),
  metric('latency p50', 'latency at 100 stanzas/s, half of them within', 'ms', false),
  metric('latency p99', 'latency at 100 stanzas/s, 99 of 100 within', 'ms', false),
  metric('paced CPU', 'CPU at 100 stanzas/s', 's per 1,000', false),
  metric('uplink', 'uplink from one tab', 'stanzas/s', true),
  metric('further tab', 'a further tab is up, from its opening', 'ms', false),
  metric('further tab, at once', 'a further tab is up, from `new Connection`', 'ms', false),
  metric('further tab, ahead', 'a further tab is up, `connect()` after 1 s', 'ms', false),
  metric('first CONNECTED', 'first CONNECTED, cold worker, from `new Connection`', 'ms', false),
  metric('first CONNECTED, ahead', 'first CONNECTED, `connect()` after 1 s', 'ms', false),
  metric('first CONNECTED, returning', 'first CONNECTED, cold worker, warm HTTP cache', 'ms', false),
  metric('first tab', "first CONNECTED, cold worker, from the tab's opening", 'ms', false),
  metric('memory per tab', 'memory per tab', 'MB', false),
  metric('idle CPU', 'CPU that a quiet minute adds to that of empty tabs', 's', false),
  metric('idle CPU, empty', 'CPU of a quiet minute, empty tabs', 's', false),
  metric('memory, a tenth', 'memory of the browser after 100,000 stanzas', 'MB', false),
  metric('memory, a million', 'memory of the browser after 1,000,000 stanzas', 'MB', false),
  metric('BOSH login', 'BOSH: login, cold worker, from `new Connection`', 'ms', false),
  metric('BOSH idle line', 'BOSH: one stanza on an idle line, up', 'ms', false),
  metric('BOSH latency p50', 'BOSH: latency at 10 stanzas/s, half of them within', 'ms', false),
  metric('BOSH requests', 'BOSH: requests per stanza at 10 stanzas/s', 'requests', false),
  metric('BOSH uplink', 'BOSH: uplink of 500 in one task', 'stanzas/s', true),
  metric('BOSH uplink, delivered', 'BOSH: uplink of 500, until the contact has all', 'stanzas/s', true),
  metric('wire, all up', 'bytes on the wire until all tabs are up', 'bytes', false),
  metric('wire per stanza', 'bytes on the wire for a stanza of 300', 'bytes', false),
]);

/**
 * The ratio of `of` to `by`, or the value of `of` alone, must be at least `least` or at most `most`.
 * Both name a contestant, a metric and a number of tabs, which defaults to the greatest measured.
 */
export const GOALS = [
  goal('raw flood, 300 bytes', 'raw 300 B', 'strophe-worker', { least: 15 }),
  goal('flood through addHandler, 300 bytes', 'flood 300 B', 'strophe-worker', { least: 10 }),
  goal('flood through addHandler, 2 KB', 'flood 2 KB', 'strophe-worker', { least: 5 }),
  {
    title: 'one tab claims, the others do not: CPU, against a single tab alone',
    of: { contestant: 'epode', metric: 'one claims CPU' },
    by: { contestant: 'epode', metric: 'flood CPU 300 B', tabs: 1 },
    most: 1.5,
  },
  goal('latency p50', 'latency p50', 'strophe-worker', { most: 0.75 }),
  goal('latency p99', 'latency p99', 'strophe-worker', { most: 0.75 }),
  goal('CPU per 1,000 paced stanzas', 'paced CPU', 'strophe-worker', { most: 0.75 }),
  goal('uplink from one tab', 'uplink', 'strophe-worker', { least: 10 }),
  goal('a further tab is up', 'further tab', 'posts', { most: 2 }),
  goal('a further tab is up, `connect()` after 1 s', 'further tab, ahead', 'strophe-worker', { most: 1.5 }),
  goal('first CONNECTED', 'first CONNECTED', 'strophe-worker', { most: 1.5, tabs: 1 }),
  goal('first CONNECTED, `connect()` after 1 s', 'first CONNECTED, ahead', 'strophe-worker', {
    most: 1.2,
    tabs: 1,
  }),
  onEpode('flood, 300 bytes', 'flood 300 B', { least: 0.9 }),
  onEpode('flood, 2 KB', 'flood 2 KB', { least: 0.9 }),
  onEpode('latency p50', 'latency p50', { most: 1.1 }),
  onEpode('latency p99', 'latency p99', { most: 1.1 }),
  onEpode('CPU per 1,000 paced stanzas', 'paced CPU', { most: 1.1 }),
  onEpode('uplink from one tab', 'uplink', { least: 0.9 }),
  onEpode('first CONNECTED', 'first CONNECTED', { most: 1.5, tabs: 1 }),
  bosh('BOSH: login', 'BOSH login', { most: 0.25 }),
  bosh('BOSH: one stanza on an idle line', 'BOSH idle line', { most: 0.1 }),
  bosh('BOSH: latency p50 at 10/s', 'BOSH latency p50', { most: 0.75 }),
  bosh('BOSH: requests per stanza at 10/s', 'BOSH requests', { most: 1 }),
  bosh('BOSH: uplink of 500', 'BOSH uplink', { least: 5 }),
  {
    title: 'seconds of CPU that a quiet minute adds to that of empty tabs',
    of: { contestant: 'epode', metric: 'idle CPU' },
    most: 0.5,
  },
  {
    title: 'memory after 1,000,000 stanzas, against that after 100,000',
    of: { contestant: 'epode', metric: 'memory, a million' },
    by: { contestant: 'epode', metric: 'memory, a tenth' },
    most: 1.05,
  },
];

/** The greatest allowed sizes of Epode in bytes of brotli. */
export const BUDGETS = [
  { title: 'the worker, bytes of brotli', part: 'worker', most: 185_000 },
  { title: 'what a page loads, bytes of brotli', part: 'page', most: 42_000 },
];

function goal(title, metric, against, bound) {
  return { title, of: { contestant: 'epode', metric }, by: { contestant: against, metric }, ...bound };
}

/** A page of Strophe is no worse off with Epode's worker than with Strophe's. */
function onEpode(title, metric, bound) {
  const by = { contestant: 'strophe-worker', metric };
  return {
    title: `Strophe on Epode's worker: ${title}`,
    of: { ...by, contestant: 'strophe-on-epode' },
    by,
    ...bound,
  };
}

/** Strophe's worker does not speak BOSH, so the other is Strophe in a tab. */
function bosh(title, metric, bound) {
  const of = { source: 'bosh', metric, contestant: 'epode' };
  return { title, of, by: { ...of, contestant: 'strophe-tabs' }, ...bound };
}
