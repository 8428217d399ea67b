// Statistics of few numbers.

const sorted = (numbers) => numbers.toSorted((one, other) => one - other);

/** The middle number, or the mean of the two in the middle. */
export function median(numbers) {
  const list = sorted(numbers);
  const half = list.length / 2;
  return list.length % 2 ? list[Math.floor(half)] : (list[half - 1] + list[half]) / 2;
}

/** `{ median, least, most, count }`; `undefined` for an empty list. */
export function summary(numbers) {
  if (numbers.length === 0) return undefined;
  return {
    median: median(numbers),
    least: Math.min(...numbers),
    most: Math.max(...numbers),
    count: numbers.length,
  };
}

/** The median of each property of equal objects. */
export function medians(list) {
  return Object.fromEntries(
    Object.keys(list[0]).map((name) => [name, median(list.map((numbers) => numbers[name]))]),
  );
}
