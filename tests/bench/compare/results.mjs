// The samples summed up: medians over the rounds, and medians of ratios within each round.

import { BUDGETS, GOALS } from './metrics.mjs';
import { summary } from './statistics.mjs';

export const mostTabs = (tabs) => Math.max(...tabs);

export class Results {
  /** @param {object[]} sizes the bytes that each contestant loads, Epode first */
  constructor(samples, sizes = []) {
    this.samples = samples;
    this.sizes = sizes;
    this.tabs = [...new Set(samples.map(({ tabs }) => tabs))].sort((one, other) => one - other);
  }

  /** The samples of one cell, by round. */
  cell({ source = 'scripted', metric, contestant, tabs = mostTabs(this.tabs) }) {
    const here = (sample) =>
      sample.source === source &&
      sample.metric === metric &&
      sample.contestant === contestant &&
      sample.tabs === tabs;
    return new Map(this.samples.filter(here).map(({ round, value }) => [round, value]));
  }

  /** `{ median, least, most, count }` of a cell; `undefined` if nothing was measured. */
  summary(cell) {
    return summary([...this.cell(cell).values()]);
  }

  /** The summary of the ratios of two cells, round by round. */
  ratio(of, by) {
    const below = this.cell(by);
    return summary(
      [...this.cell(of)]
        .filter(([round]) => below.has(round))
        .map(([round, value]) => value / below.get(round)),
    );
  }

  /**
   * Every goal that was measured: `{ title, measured, least?, most?, reached }`. `measured` is the
   * summary of the ratios, of Epode's values or of its bytes.
   */
  goals() {
    const ratios = GOALS.map(({ of, by, tabs, ...goal }) => ({
      ...goal,
      measured: by ? this.ratio({ tabs, ...of }, { tabs, ...by }) : this.summary({ tabs, ...of }),
    }));
    const [epode] = this.sizes;
    const budgets = BUDGETS.map(({ part, ...goal }) => ({
      ...goal,
      measured: summary(epode ? [epode[part].brotli] : []),
    }));
    return [...ratios, ...budgets]
      .filter(({ measured }) => measured)
      .map((goal) => ({
        ...goal,
        reached: goal.least ? goal.measured.median >= goal.least : goal.measured.median <= goal.most,
      }));
  }
}
