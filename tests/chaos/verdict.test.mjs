// The verdict on a run of chaos: each way to lose, double or disorder a message is seen.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { judge } from './verdict.mjs';

const IDS = ['a:0', 'b:0', 'a:1', 'b:1', 'a:2'];
const ACKNOWLEDGED = { status: 'acknowledged' };
const CONNECTED = { status: 'CONNECTED', resumed: false };
const RESUMED = { status: 'CONNECTED', resumed: true };

/** The books of three tabs in a run without a fault, after `change`. */
function run(change = () => {}, more = {}) {
  const books = ['a', 'b', 'c'].map((name) => ({
    name,
    heard: [...IDS],
    sent: Object.fromEntries(IDS.filter((id) => id.startsWith(name)).map((id) => [id, { ...ACKNOWLEDGED }])),
    gaps: [],
    statuses: [{ status: 'CONNECTING', resumed: false }, CONNECTED, RESUMED],
    since: 0,
    until: Infinity,
  }));
  change(...books);
  return judge({ books, restarts: 0, ...more });
}

const violations = (change, more) => run(change, more).violations;

test('a run in which each message arrives once and in order has no fault', () => {
  const { violations, count } = run();
  assert.deepEqual(violations, []);
  assert.equal(count.acknowledged, 5);
  assert.equal(count.resumed, 1);
});

test('a message that was acknowledged and did not arrive is lost', () => {
  assert.deepEqual(
    violations((...books) => books.forEach(({ heard }) => heard.splice(2, 1))),
    ['a:1 was acknowledged and is lost'],
  );
});

test('a message that one tab missed is named with the tab', () => {
  assert.deepEqual(
    violations((_a, _b, c) => c.heard.splice(1, 2)),
    ['tab c missed 2 from b:0 on, before b:1'],
  );
  assert.deepEqual(
    violations((_a, _b, c) => c.heard.pop()),
    ['tab c missed the last 1, from a:2 on'],
  );
  assert.deepEqual(
    violations((_a, _b, c) => c.heard.shift()),
    ['tab c first heard b:0, and was there since a:0', 'tab c missed 1 from a:0 on, before b:0'],
  );
  assert.deepEqual(
    violations((_a, _b, c) => (c.heard = [])),
    ['tab c missed the last 5, from a:0 on'],
  );
  assert.deepEqual(
    violations((a) => a.heard.splice(1, 1)).slice(1),
    ['tab b heard b:0, which the witness did not', 'tab c heard b:0, which the witness did not'],
    'the witness too may miss something',
  );
});

test('a second time is a fault, unless the sender was told or the server was restarted', () => {
  const twice = (_a, _b, c) => c.heard.splice(2, 0, 'b:0');
  assert.deepEqual(violations(twice), ['tab c heard b:0 twice']);
  const again = (entry, fate) => (a, b, c) => {
    for (const { heard } of [a, b, c]) heard.push(entry);
    Object.assign(b.sent['b:0'], fate);
  };
  const delayed = ['b:0', ['localhost']];
  assert.equal(violations(again(delayed, {})).length, 3);
  assert.deepEqual(violations(again(delayed, {}), { restarts: 1 }), []);
  assert.equal(violations(again('b:0', {}), { restarts: 1 }).length, 3, 'no server says that this is late');
  assert.equal(violations(again(delayed, { resent: true }), { restarts: 1 }).length, 3);
  assert.deepEqual(violations(again(delayed, { resent: true, maybeTwice: true }), { restarts: 1 }), []);
});

test('another order is a fault, of a sender and of one tab', () => {
  assert.deepEqual(
    violations((...books) => books.forEach(({ heard }) => heard.reverse())),
    ['a:1 came after a:2', 'b:0 came after b:1', 'a:0 came after a:2'],
  );
  assert.deepEqual(
    violations((_a, _b, c) => ([c.heard[1], c.heard[2]] = [c.heard[2], c.heard[1]])),
    ['tab c missed 1 from b:0 on, before a:1', 'tab c heard b:0 after a:1'],
  );
});

test('a tab that came late or went early answers for the time between', () => {
  const stay = (since, until, heard) => (_a, _b, c) => Object.assign(c, { since, until, heard });
  assert.deepEqual(violations(stay(2, Infinity, IDS.slice(2))), []);
  assert.deepEqual(violations(stay(2, Infinity, IDS.slice(1))), [], 'it was a little earlier');
  assert.equal(violations(stay(2, Infinity, IDS.slice(3))).length, 2);
  assert.deepEqual(violations(stay(0, 2, IDS.slice(0, 2))), []);
  assert.deepEqual(violations(stay(0, 2, IDS.slice(0, 3))), [], 'it was a little later');
  assert.equal(violations(stay(0, 2, IDS.slice(0, 1))).length, 1);
  assert.deepEqual(violations(stay(5, Infinity, [])), []);
});

test('a gap counts where a tab was frozen or crashed, and covers as many as it says', () => {
  const miss = (count, mayMiss) => (_a, _b, c) => {
    c.heard.splice(1, 2);
    Object.assign(c, { gaps: [{ count }], mayMiss });
  };
  assert.deepEqual(violations(miss(2, true)), []);
  assert.deepEqual(violations(miss(1, true)), ['tab c missed 2 from b:0 on, before b:1']);
  assert.equal(violations(miss(2, false)).length, 1);
});

test('each message has a fate, and without a restart only one is right', () => {
  const fate = (fate) => (a) => (a.sent['a:0'] = fate);
  assert.deepEqual(violations(fate({ status: 'pending' })), ['a:0 ended as pending']);
  assert.deepEqual(violations(fate({ status: 'pending' }), { restarts: 1 }), ['a:0 ended as pending']);
  assert.deepEqual(violations(fate({ status: 'unmanaged' }), { restarts: 1 }), ['a:0 ended as unmanaged']);
  const failed = { status: 'failed', condition: 'not-resumed' };
  assert.deepEqual(violations(fate(failed)), ['a:0 ended as failed, not-resumed']);
  assert.deepEqual(violations(fate(failed), { restarts: 1 }), []);
  assert.deepEqual(violations(fate({ status: 'unheard' })), []);
  assert.equal(violations(fate({ ...ACKNOWLEDGED, resent: true })).length, 1);
  assert.deepEqual(violations(fate({ ...ACKNOWLEDGED, resent: true }), { restarts: 1 }), []);
});

test('without stream management a message that was written and did not arrive is lost', () => {
  const unmanage = (a) => Object.keys(a.sent).forEach((id) => (a.sent[id] = { status: 'unmanaged' }));
  const lose = (...books) => {
    unmanage(books[0]);
    books[1].sent = books[2].sent = {};
    for (const book of books) book.heard = ['a:0', 'a:2'];
  };
  assert.deepEqual(violations(lose, { managed: false }), ['a:1 was written and is lost']);
});

test('what a restarted server lost must be in its archive', () => {
  const lose = (...books) => books.forEach(({ heard }) => heard.pop());
  const archived = { restarts: 1, archive: new Set(['a:2']) };
  assert.deepEqual(run(lose, archived).violations, []);
  assert.equal(run(lose, archived).count.serverLost, 1);
  assert.equal(violations(lose, { restarts: 1, archive: new Set() }).length, 1);
  assert.equal(violations(lose, { ...archived, restarts: 0 }).length, 1);
});

test('a message that nobody sent, and a session that was not resumed, are faults', () => {
  assert.deepEqual(
    violations((...books) => books.forEach(({ heard }) => heard.push('a:9'))),
    ['a:9 was heard and never sent'],
  );
  const bind = (a) => a.statuses.push(CONNECTED);
  assert.equal(violations(bind).length, 2);
  assert.deepEqual(violations(bind, { restarts: 1 }), []);
});
