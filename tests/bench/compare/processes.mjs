// The cost of a process and its descendants as Linux counts it: processor time by thread in
// nanoseconds, memory as each process's proportional share.

import { readdirSync, readFileSync } from 'node:fs';

/** A process and all its descendants. */
export function family(pid) {
  const children = new Map();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    // The program's name is in parentheses, and may contain parentheses itself.
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

/** The microseconds spent between two readings, without threads that have ended. */
export function spent(before, after) {
  let sum = 0;
  for (const [thread, nanoseconds] of after) sum += nanoseconds - (before.get(thread) ?? 0);
  return sum / 1_000;
}

/** The memory in use in bytes; memory shared by several processes counts proportionally. */
export function memory(pid) {
  const shares = family(pid).map((member) =>
    Number(/^Pss:\s+(\d+) kB/m.exec(read(`/proc/${member}/smaps_rollup`) ?? '')?.[1] ?? 0),
  );
  return shares.reduce((sum, share) => sum + share, 0) * 1_024;
}

/** The content of a file; `undefined` if the process or thread has ended. */
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
