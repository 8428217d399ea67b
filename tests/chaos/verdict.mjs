// What the books of all tabs prove: whether each message that was acknowledged to its sender arrived exactly
// once, in order, at every tab that was there, and whether reports came only where they must.

/**
 * @typedef {{ status: string, condition?: string, resent?: boolean, maybeTwice?: boolean }} Fate
 * @typedef {string | [string, string[]]} Entry the id of a message that a tab heard, with those who stamped
 * a delay on it
 * @typedef {{ status: string, resumed: boolean }} Status
 * @typedef {{ name: string, heard: Entry[], sent: Record<string, Fate>, gaps: { count: number }[],
 *   statuses: Status[], since: number, until: number, mayMiss?: boolean }} Book one tab's. `since` and
 * `until`: how many messages the witness had heard when the tab came, and when the tab went (`Infinity` if
 * the tab stayed). `mayMiss`: the tab was frozen or crashed, so it may report a gap
 */

/**
 * Judges a run. The first book is the witness's: a tab that was there from the first message to the last.
 * @param {{ books: Book[], restarts: number, archive?: Set<string>, managed?: boolean }} run `archive`: the
 * ids that the server kept of all messages, for a run in which the server was restarted; `managed`: whether
 * there is stream management, without which nobody knows more than that a message was written
 */
export function judge({ books, restarts, archive, managed = true }) {
  const violations = [];
  const blame = (text) => violations.push(text);
  const [witness] = books;
  const fates = new Map(books.flatMap(({ sent }) => Object.entries(sent)));
  const count = {
    sent: fates.size,
    acknowledged: 0,
    unmanaged: 0,
    resent: 0,
    maybeTwice: 0,
    twice: 0,
    serverDoubled: 0,
    serverLost: 0,
    gaps: 0,
    resumed: 0,
    bound: 0,
  };

  const order = firsts(witness, { fates, restarts, blame, count });
  const positions = new Map(order.map((id, position) => [id, position]));

  for (const [id, fate] of fates) {
    if (fate.resent) count.resent++;
    if (fate.maybeTwice) count.maybeTwice++;
    if (restarts === 0 && (fate.resent || fate.maybeTwice))
      blame(`${id} was reported as sent again, though every session could be resumed`);
    if (fate.status === (managed ? 'acknowledged' : 'unmanaged')) {
      count[fate.status]++;
      if (positions.has(id)) continue;
      if (restarts > 0 && archive?.has(id)) count.serverLost++;
      else blame(`${id} was ${managed ? 'acknowledged' : 'written'} and is lost`);
    } else {
      const ending = [fate.status, fate.condition].filter(Boolean).join(', ');
      count[ending] = (count[ending] ?? 0) + 1;
      // The page that would have heard of the fate is gone.
      if (fate.status === 'unheard') continue;
      if (restarts === 0 || fate.status !== 'failed') blame(`${id} ended as ${ending}`);
    }
  }
  for (const id of order) if (!fates.has(id)) blame(`${id} was heard and never sent`);
  inOrder(order, blame);
  for (const book of books.slice(1)) compare(book, order, positions, { fates, restarts, blame, count });

  for (const { name, gaps, mayMiss } of books) {
    count.gaps += gaps.length;
    if (gaps.length > 0 && !mayMiss) blame(`tab ${name} was told of a gap: ${JSON.stringify(gaps)}`);
  }
  for (const { status, resumed } of witness.statuses.slice(indexOfUp(witness) + 1)) {
    if (status !== 'CONNECTED') continue;
    count[resumed ? 'resumed' : 'bound']++;
  }
  if (restarts === 0 && count.bound > 0) blame(`${count.bound} redials did not resume the session`);
  if (count.bound > restarts) blame(`${count.bound} redials did not resume after ${restarts} restarts`);
  return { violations, count };
}

/** The ids that a tab heard, each once; whoever is to blame for a second time is. */
function firsts({ name, heard }, { fates, restarts, blame, count }) {
  const seen = new Set();
  for (const entry of heard) {
    const [id, delays] = typeof entry === 'string' ? [entry, []] : entry;
    if (!seen.has(id)) seen.add(id);
    else if (fates.get(id)?.maybeTwice) count.twice++;
    // A server that is shut down stores what it has no acknowledgement for, and delivers that again.
    else if (restarts > 0 && delays.length > 0 && !fates.get(id)?.resent) count.serverDoubled++;
    else blame(`tab ${name} heard ${id} twice`);
  }
  return [...seen];
}

/** The messages of each sender come in the order in which they were sent. */
function inOrder(order, blame) {
  const latest = new Map();
  for (const id of order) {
    const [sender, number] = id.split(':');
    if (Number(number) <= (latest.get(sender) ?? -1))
      blame(`${id} came after ${sender}:${latest.get(sender)}`);
    latest.set(sender, Math.max(Number(number), latest.get(sender) ?? -1));
  }
}

/** A tab hears what the witness hears, in the same order, from the first to the last, but for its gaps. */
function compare(book, order, positions, judging) {
  const { name, gaps, since, until } = book;
  const { blame } = judging;
  const heard = firsts(book, judging);
  let missing = gaps.reduce((sum, gap) => sum + gap.count, 0);
  // Whoever comes may be there a little earlier or later than the tab's own book says.
  let next = heard.length > 0 ? positions.get(heard[0]) : since;
  if (next === undefined || next > since) {
    blame(`tab ${name} first heard ${heard[0]}, and was there since ${order[since]}`);
    next = since;
  }
  for (const id of heard) {
    const position = positions.get(id);
    if (position === undefined) {
      blame(`tab ${name} heard ${id}, which the witness did not`);
      continue;
    }
    if (position < next) blame(`tab ${name} heard ${id} after ${order[next - 1]}`);
    const skipped = Math.max(0, position - next);
    if (skipped > missing) blame(`tab ${name} missed ${skipped} from ${order[next]} on, before ${id}`);
    missing -= Math.min(missing, skipped);
    next = Math.max(next, position + 1);
  }
  const end = Math.min(until, order.length);
  if (next + missing < end) blame(`tab ${name} missed the last ${end - next}, from ${order[next]} on`);
}

const indexOfUp = ({ statuses }) => statuses.findIndex(({ status }) => /CONNECTED|ATTACHED/.test(status));
