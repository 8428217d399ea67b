// Chance from a seed: the same seed draws the same numbers.

/** Numbers by SplitMix32. */
export class Random {
  #state;

  constructor(seed) {
    this.#state = seed >>> 0;
  }

  /** A number from 0 on, below 1. */
  number() {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  }

  /** A whole number from `low` to `high`, both included. */
  between(low, high) {
    return low + Math.floor(this.number() * (high - low + 1));
  }

  /** True with this probability. */
  chance(probability) {
    return this.number() < probability;
  }

  /** One of these. */
  pick(list) {
    return list[this.between(0, list.length - 1)];
  }

  /** Another sequence, so that one actor's draws do not depend on the pace of another. */
  branch() {
    return new Random(this.between(0, 2 ** 32 - 1));
  }
}
