// Judges a run of chaos: whether each message that was acknowledged to its sender arrived exactly once, in
// order, at every tab that was there, and whether reports came only where they must. The books of the tabs
// are held against the wire, so that what a server loses, doubles or disorders of its own is counted, and is
// no fault.

/**
 * @typedef {{ status: string, condition?: string, resent?: boolean, maybeTwice?: boolean }} Fate
 * @typedef {{ status: string, resumed: boolean }} Status
 * @typedef {{ name: string, heard: string[], sent: Record<string, Fate>, gaps: { count: number }[],
 *   statuses: Status[], since: number, until: number, mayMiss?: boolean }} Book one tab's. `heard`: ids of
 * messages; `since` and `until`: how many messages the witness had heard when the tab came, and when the tab
 * went (`Infinity` if the tab stayed). `mayMiss`: the tab was frozen or crashed, so it may report a gap
 */

/**
 * The first book is the witness's: a tab that was there from the first message to the last.
 * Returns the violations, and a count of what happened.
 * @param {{ books: Book[], wire: import('./wire.mjs').Wire, managed?: boolean }} run `managed`: whether there
 * is stream management, without which nobody knows more than that a message was written
 */
export function judge({ books, wire, managed = true }) {
  const violations = [...wire.faults];
  const blame = (text) => violations.push(text);
  const fates = new Map(books.flatMap(({ sent }) => Object.entries(sent)));
  const delivered = wire.delivered();
  const sent = wire.sent();
  const count = {
    sent: fates.size,
    acknowledged: 0,
    unmanaged: 0,
    resent: 0,
    maybeTwice: 0,
    twice: 0,
    serverDoubled: 0,
    serverDisordered: 0,
    serverLost: 0,
    serverRefused: wire.refusals.length,
    gaps: 0,
    resumed: 0,
    bound: 0,
  };

  saidOnce(sent, fates, wire, blame);
  inOrder(sent, (id, latest) => blame(`${id} was said after ${latest}`));
  inOrder(delivered, () => count.serverDisordered++);
  const copies = { said: counted(sent), heard: counted(delivered) };
  for (const [id, times] of copies.heard) {
    const twice = Math.max(0, Math.min(times, copies.said.get(id) ?? 0) - 1);
    count.twice += twice;
    count.serverDoubled += times - 1 - twice;
    if (!fates.has(id)) blame(`${id} was heard and never sent`);
  }

  const acknowledged = wire.acknowledged();
  const certain = wire.certain();
  for (const [id, fate] of fates) {
    if (fate.resent) count.resent++;
    if (fate.maybeTwice) count.maybeTwice++;
    const mayReport = wire.mayReport(id);
    if (!mayReport && (fate.resent || fate.maybeTwice))
      blame(`${id} was reported as sent again, and no session was lost with it`);
    if (fate.status === (managed ? 'acknowledged' : 'unmanaged')) {
      count[fate.status]++;
      if (managed && !acknowledged.has(id)) blame(`${id} is acknowledged, and not by the server`);
      if (copies.heard.has(id)) continue;
      // The acknowledgement proves that the server had it.
      if (managed) count.serverLost++;
      else blame(`${id} was written and is lost`);
    } else {
      const ending = [fate.status, fate.condition].filter(Boolean).join(', ');
      count[ending] = (count[ending] ?? 0) + 1;
      // The page that would have heard of the fate is gone.
      if (fate.status === 'unheard') continue;
      if (!mayReport || fate.status !== 'failed') blame(`${id} ended as ${ending}`);
      else if (certain.has(id)) blame(`${id} has failed, and the server had acknowledged it`);
    }
  }

  for (const book of books) compare(book, delivered, blame);
  for (const { name, gaps, mayMiss } of books) {
    count.gaps += gaps.length;
    if (gaps.length > 0 && !mayMiss) blame(`tab ${name} was told of a gap: ${JSON.stringify(gaps)}`);
  }

  const [witness] = books;
  for (const { status, resumed } of witness.statuses.slice(indexOfUp(witness) + 1)) {
    if (status !== 'CONNECTED') continue;
    count[resumed ? 'resumed' : 'bound']++;
  }
  const unasked = count.bound - wire.refusals.length - wire.nameless;
  if (unasked > 0) blame(`${unasked} redials bound anew, and the server had refused nothing`);
  return { violations, count };
}

/** Whoever says a message again that the server may have says so to the app, if its page is there to hear. */
function saidOnce(sent, fates, wire, blame) {
  const seen = new Set();
  for (const id of sent) {
    const { status, maybeTwice } = fates.get(id) ?? {};
    const isGone = status === 'unheard' && wire.mayReport(id);
    if (seen.has(id) && !maybeTwice && !isGone) blame(`${id} was said twice`);
    seen.add(id);
  }
}

/** The messages of each sender come in the order in which they were sent, whenever they come first. */
function inOrder(ids, disordered) {
  const latest = new Map();
  for (const id of new Set(ids)) {
    const [sender, number] = id.split(':');
    const last = latest.get(sender) ?? -1;
    if (Number(number) < last) disordered(id, `${sender}:${last}`);
    latest.set(sender, Math.max(Number(number), last));
  }
}

const counted = (ids) => {
  const times = new Map();
  for (const id of ids) times.set(id, (times.get(id) ?? 0) + 1);
  return times;
};

/** A tab hears what was delivered, each time it was, in that order, from first to last but for its gaps. */
function compare(book, delivered, blame) {
  const { name, heard, since } = book;
  // Whoever comes may be there a little earlier or later than the tab's own book says. Of what a server has
  // delivered twice, the book does not say which copy came first.
  const mayBeFirst = (at) => at <= since && delivered[at] === heard[0];
  let starts = heard.length > 0 ? [...delivered.keys()].filter(mayBeFirst).reverse() : [since];
  if (starts.length === 0) {
    blame(`tab ${name} first heard ${heard[0]}, and was there since ${delivered[since] ?? 'the end'}`);
    starts = [since];
  }
  const accounts = starts.map((start) => faultsFrom(start, book, delivered));
  accounts.sort((one, other) => one.length - other.length)[0].forEach(blame);
}

/** The faults of a tab that was there from this message on. */
function faultsFrom(first, { name, heard, gaps, until }, delivered) {
  const faults = [];
  let missing = gaps.reduce((sum, gap) => sum + gap.count, 0);
  let next = first;
  for (const id of heard) {
    const position = delivered.indexOf(id, next);
    if (position === -1) {
      const isKnown = delivered.includes(id);
      faults.push(
        `tab ${name} heard ${id}${isKnown ? ` after ${delivered[next - 1]}` : ', which nobody delivered'}`,
      );
      continue;
    }
    const skipped = position - next;
    if (skipped > missing)
      faults.push(`tab ${name} missed ${skipped} from ${delivered[next]} on, before ${id}`);
    missing -= Math.min(missing, skipped);
    next = position + 1;
  }
  const end = Math.min(until, delivered.length);
  if (next + missing < end)
    faults.push(`tab ${name} missed the last ${end - next}, from ${delivered[next]} on`);
  return faults;
}

const indexOfUp = ({ statuses }) => statuses.findIndex(({ status }) => /CONNECTED|ATTACHED/.test(status));
