// Prints stages like xtask: the name of each, and the time it took.

export async function stage(name, work) {
  process.stdout.write(`${name.padEnd(44, '.')} `);
  const begun = performance.now();
  let ending = '  FAILED';
  try {
    const value = await work();
    ending = '';
    return value;
  } finally {
    process.stdout.write(`${((performance.now() - begun) / 1_000).toFixed(1).padStart(6)} s${ending}\n`);
  }
}
