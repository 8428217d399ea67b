// Samples, summed up: medians over the rounds, and ratios that are taken within a round before their median is.

import { GOALS } from "./metrics.mjs";
import { summary } from "./statistics.mjs";

export const mostTabs = (tabs) => Math.max(...tabs);

export class Results {
  constructor(samples) {
    this.samples = samples;
    this.tabs = [...new Set(samples.map(({ tabs }) => tabs))].sort((one, other) => one - other);
  }

  /** The samples of one cell, by round. */
  cell({ source = "scripted", metric, contestant, tabs = mostTabs(this.tabs) }) {
    const here = (sample) =>
      sample.source === source && sample.metric === metric && sample.contestant === contestant && sample.tabs === tabs;
    return new Map(this.samples.filter(here).map(({ round, value }) => [round, value]));
  }

  /** `{ median, least, most, count }` of a cell; nothing where nothing was measured. */
  summary(cell) {
    const values = [...this.cell(cell).values()];
    return values.length ? summary(values) : undefined;
  }

  /** The ratios of two cells, round by round, summed up. */
  ratio(of, by) {
    const below = this.cell(by);
    const ratios = [...this.cell(of)].filter(([round]) => below.has(round)).map(([round, value]) => value / below.get(round));
    return ratios.length ? summary(ratios) : undefined;
  }

  /** Every goal that can be judged: `{ title, ratio, least?, most?, reached }`. */
  goals() {
    return GOALS.flatMap(({ title, of, by, least, most, tabs }) => {
      const ratio = this.ratio({ tabs, ...of }, { tabs, ...by });
      if (!ratio) return [];
      return [{ title, ratio, least, most, reached: least ? ratio.median >= least : ratio.median <= most }];
    });
  }
}
