// The command-line options, which xtask has parsed and checked before.

import { parseArgs } from 'node:util';

export function options(argv) {
  const { values } = parseArgs({
    args: argv,
    options: {
      output: { type: 'string' },
      browser: { type: 'string', default: 'chromium' },
      rounds: { type: 'string' },
      tabs: { type: 'string' },
      only: { type: 'string' },
      sources: { type: 'string', default: 'scripted,prosody' },
      before: { type: 'string' },
      contestants: { type: 'string' },
      transport: { type: 'string', default: 'websocket' },
      quick: { type: 'boolean', default: false },
      managed: { type: 'boolean', default: false },
    },
  });
  const { quick } = values;
  if (values.transport === 'bosh') Object.assign(values, { tabs: '1', only: 'bosh', sources: 'bosh' });
  return {
    output: values.output,
    browser: values.browser,
    rounds: Number(values.rounds ?? (quick ? 1 : 3)),
    tabs: (values.tabs ?? (quick ? '1,16' : '1,4,16')).split(',').map(Number),
    only: values.only?.split(','),
    sources: values.sources.split(','),
    before: values.before,
    named: values.contestants?.split(','),
    /** Whether servers and contestants speak stream management (XEP-0198). */
    managed: values.managed,
    /** The fraction of the usual effort, for example of the stanzas of a flood. */
    effort: quick ? 0.3 : 1,
    /** Whether this run makes the picture and the table of the README. */
    whole:
      !quick &&
      !values.only &&
      !values.before &&
      !values.contestants &&
      !values.managed &&
      !values.tabs &&
      values.sources === 'scripted,prosody' &&
      values.browser === 'chromium',
  };
}
