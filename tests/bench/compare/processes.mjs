// What a program and all it started cost, as Linux counts it: processor time per thread in nanoseconds, and
// memory as each process's share of it.

import { readdirSync, readFileSync } from 'node:fs';

/** A process and all that descend from it. */
export function family(pid) {
  const children = new Map();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    // The name of the program stands in parentheses, and may hold some itself.
    const parent = Number(
      read(`/proc/${name}/stat`)
        ?.replace(/^.*\) \S /s, '')
        .split(' ')[0],
    );
    children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const all = [pid];
  for (const one of all) all.push(...(children.get(one) ?? []));
  return all;
}

/** The processor time of each thread so far. */
export function cpu(pid) {
  const threads = new Map();
  for (const member of family(pid)) {
    for (const thread of list(`/proc/${member}/task`)) {
      const spent = read(`/proc/${member}/task/${thread}/schedstat`);
      if (spent !== undefined) threads.set(Number(thread), Number(spent.split(' ')[0]));
    }
  }
  return threads;
}

/** The microseconds that were spent between two readings, but for those of threads that have ended. */
export function spent(before, after) {
  let sum = 0;
  for (const [thread, nanoseconds] of after) sum += nanoseconds - (before.get(thread) ?? 0);
  return sum / 1_000;
}

/** The bytes in use; what processes share counts in parts. */
export function memory(pid) {
  const shares = family(pid).map((member) =>
    Number(/^Pss:\s+(\d+) kB/m.exec(read(`/proc/${member}/smaps_rollup`) ?? '')?.[1] ?? 0),
  );
  return shares.reduce((sum, share) => sum + share, 0) * 1_024;
}

/** Nothing, where the process or thread is gone. */
function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function list(path) {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
