// The verdict on a run of chaos: each way to lose, double or disorder a message is seen, and told from what
// the server does.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { judge } from './verdict.mjs';

const IDS = ['a:0', 'b:0', 'a:1', 'b:1', 'a:2'];
const ACKNOWLEDGED = { status: 'acknowledged' };
const CONNECTED = { status: 'CONNECTED', resumed: false };
const RESUMED = { status: 'CONNECTED', resumed: true };

/** The books of three tabs and the wire in a run without a fault, after `change`. */
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
  const record = {
    sent: [...IDS],
    delivered: [...IDS],
    acknowledged: new Set(IDS),
    certain: new Set(IDS),
    reportable: new Set(),
    refusals: [],
    nameless: 0,
    faults: [],
  };
  change(books, record);
  const wire = {
    ...record,
    sent: () => record.sent,
    delivered: () => record.delivered,
    acknowledged: () => record.acknowledged,
    certain: () => record.certain,
    mayReport: (id) => record.reportable.has(id),
  };
  return judge({ books, wire, ...more });
}

const violations = (change, more) => run(change, more).violations;

test('a run in which each message arrives once and in order has no fault', () => {
  const { violations, count } = run();
  assert.deepEqual(violations, []);
  assert.equal(count.acknowledged, 5);
  assert.equal(count.resumed, 1);
});

test('a message that one tab missed is named with the tab', () => {
  assert.deepEqual(
    violations(([, , c]) => c.heard.splice(1, 2)),
    ['tab c missed 2 from b:0 on, before b:1'],
  );
  assert.deepEqual(
    violations(([, , c]) => c.heard.pop()),
    ['tab c missed the last 1, from a:2 on'],
  );
  assert.deepEqual(
    violations(([, , c]) => c.heard.shift()),
    ['tab c first heard b:0, and was there since a:0', 'tab c missed 1 from a:0 on, before b:0'],
  );
  assert.deepEqual(
    violations(([, , c]) => (c.heard = [])),
    ['tab c missed the last 5, from a:0 on'],
  );
  assert.deepEqual(
    violations(([a]) => a.heard.splice(1, 1)),
    ['tab a missed 1 from b:0 on, before a:1'],
    'the witness too may miss something',
  );
});

test('a tab that hears twice what came once is at fault, and one that hears what came twice is not', () => {
  assert.deepEqual(
    violations(([, , c]) => c.heard.splice(2, 0, 'b:0')),
    ['tab c heard b:0 after b:0'],
  );
  assert.deepEqual(
    violations(([, , c]) => c.heard.push('a:9')),
    ['tab c heard a:9, which nobody delivered'],
  );
  const twice = (books, { delivered }) => {
    for (const { heard } of books) heard.push('b:0');
    delivered.push('b:0');
  };
  const { violations: none, count } = run(twice);
  assert.deepEqual(none, []);
  assert.deepEqual([count.serverDoubled, count.twice], [1, 0]);
  const onceOf = (books, record) => {
    twice(books, record);
    books[1].heard.pop();
  };
  assert.deepEqual(violations(onceOf), ['tab b missed the last 1, from b:0 on']);
});

test('who says a message twice has told so', () => {
  const again =
    (fate) =>
    (books, { sent, delivered, reportable }) => {
      for (const { heard } of books) heard.push('b:0');
      delivered.push('b:0');
      sent.push('b:0');
      reportable.add('b:0');
      Object.assign(books[1].sent['b:0'], fate);
    };
  assert.deepEqual(violations(again({})), ['b:0 was said twice']);
  assert.deepEqual(violations(again({ resent: true })), ['b:0 was said twice']);
  const { violations: none, count } = run(again({ resent: true, maybeTwice: true }));
  assert.deepEqual(none, []);
  assert.deepEqual([count.serverDoubled, count.twice], [0, 1]);
  assert.deepEqual(violations(again({ status: 'unheard' })), [], 'nobody is there to be told');
  const inOneSession = (books, record) => {
    again({ status: 'unheard' })(books, record);
    record.reportable.clear();
  };
  assert.deepEqual(violations(inOneSession), ['b:0 was said twice']);
});

test('another order is the fault of who says or hears it, and counts where it is the server', () => {
  assert.deepEqual(
    violations((_books, { sent }) => sent.reverse()),
    ['a:1 was said after a:2', 'b:0 was said after b:1', 'a:0 was said after a:2'],
  );
  assert.deepEqual(
    violations(([, , c]) => ([c.heard[1], c.heard[2]] = [c.heard[2], c.heard[1]])),
    ['tab c missed 1 from b:0 on, before a:1', 'tab c heard b:0 after a:1'],
  );
  const { violations: none, count } = run((books, record) => {
    for (const book of [...books.map(({ heard }) => heard), record.delivered]) book.reverse();
  });
  assert.deepEqual(none, []);
  assert.equal(count.serverDisordered, 3);
});

test('a tab that came late or went early answers for the time between', () => {
  const stay =
    (since, until, heard) =>
    ([, , c]) =>
      Object.assign(c, { since, until, heard });
  assert.deepEqual(violations(stay(2, Infinity, IDS.slice(2))), []);
  assert.deepEqual(violations(stay(2, Infinity, IDS.slice(1))), [], 'it was a little earlier');
  assert.equal(violations(stay(2, Infinity, IDS.slice(3))).length, 2);
  assert.deepEqual(violations(stay(0, 2, IDS.slice(0, 2))), []);
  assert.deepEqual(violations(stay(0, 2, IDS.slice(0, 3))), [], 'it was a little later');
  assert.equal(violations(stay(0, 2, IDS.slice(0, 1))).length, 1);
  assert.deepEqual(violations(stay(5, Infinity, [])), []);
});

test('a tab that came while the server delivered something twice was there from either on', () => {
  const come = (heard) => (books, record) => {
    record.delivered = ['a:0', 'b:0', 'a:1', 'b:0', 'a:1', 'b:1', 'a:2'];
    for (const book of books.slice(0, 2)) book.heard = [...record.delivered];
    Object.assign(books[2], { since: 4, heard });
  };
  assert.deepEqual(violations(come(['b:0', 'a:1', 'b:0', 'a:1', 'b:1', 'a:2'])), []);
  assert.deepEqual(violations(come(['b:0', 'a:1', 'b:1', 'a:2'])), []);
  assert.equal(violations(come(['b:0', 'a:1', 'b:0', 'b:1', 'a:2'])).length, 1);
});

test('a gap counts where a tab was frozen or crashed, and covers as many as it says', () => {
  const miss =
    (count, mayMiss) =>
    ([, , c]) => {
      c.heard.splice(1, 2);
      Object.assign(c, { gaps: [{ count }], mayMiss });
    };
  assert.deepEqual(violations(miss(2, true)), []);
  assert.deepEqual(violations(miss(1, true)), ['tab c missed 2 from b:0 on, before b:1']);
  assert.equal(violations(miss(2, false)).length, 1);
});

test('each message has a fate, and while sessions are resumed only one is right', () => {
  const fate =
    (fate, reportable = []) =>
    ([a], record) => {
      a.sent['a:0'] = fate;
      record.certain.delete('a:0');
      record.reportable = new Set(reportable);
    };
  const refused = ['a:0'];
  assert.deepEqual(violations(fate({ status: 'pending' })), ['a:0 ended as pending']);
  assert.deepEqual(violations(fate({ status: 'pending' }, refused)), ['a:0 ended as pending']);
  assert.deepEqual(violations(fate({ status: 'unmanaged' }, refused)), ['a:0 ended as unmanaged']);
  const failed = { status: 'failed', condition: 'not-resumed' };
  assert.deepEqual(violations(fate(failed)), ['a:0 ended as failed, not-resumed']);
  assert.deepEqual(violations(fate(failed, ['a:1'])), ['a:0 ended as failed, not-resumed']);
  assert.deepEqual(violations(fate(failed, refused)), []);
  assert.deepEqual(violations(fate({ status: 'unheard' })), []);
  for (const report of [{ resent: true }, { maybeTwice: true }]) {
    const reported = { ...ACKNOWLEDGED, ...report };
    const blame = ['a:0 was reported as sent again, and no session was lost with it'];
    assert.deepEqual(violations(fate(reported)), blame);
    assert.deepEqual(violations(fate(reported, ['a:1'])), blame);
    assert.deepEqual(violations(fate(reported, refused)), []);
  }
});

test('a message that the server has acknowledged has not failed', () => {
  const fail = ([a], { reportable }) => {
    a.sent['a:0'] = { status: 'failed', condition: 'not-resumed' };
    reportable.add('a:0');
  };
  assert.deepEqual(violations(fail), ['a:0 has failed, and the server had acknowledged it']);
});

test('only the server acknowledges, and may lose what it has acknowledged', () => {
  assert.deepEqual(
    violations((_books, { acknowledged }) => acknowledged.delete('a:1')),
    ['a:1 is acknowledged, and not by the server'],
  );
  const lose = (books, { delivered }) => {
    for (const list of [delivered, ...books.map(({ heard }) => heard)]) list.pop();
  };
  const { violations: none, count } = run(lose);
  assert.deepEqual([none, count.serverLost], [[], 1]);
});

test('without stream management a message that was written and did not arrive is lost', () => {
  const lose = (books, record) => {
    const [a, b, c] = books;
    for (const id of Object.keys(a.sent)) a.sent[id] = { status: 'unmanaged' };
    b.sent = c.sent = {};
    for (const book of books) book.heard = ['a:0', 'a:2'];
    Object.assign(record, { delivered: ['a:0', 'a:2'], acknowledged: new Set(), certain: new Set() });
  };
  assert.deepEqual(violations(lose, { managed: false }), ['a:1 was written and is lost']);
});

test('a message that nobody sent, and a session that nobody asked to resume, are faults', () => {
  const invent = (books, { delivered }) => {
    for (const list of [delivered, ...books.map(({ heard }) => heard)]) list.push('a:9');
  };
  assert.deepEqual(violations(invent), ['a:9 was heard and never sent']);
  const bind = ([a]) => a.statuses.push(CONNECTED);
  assert.deepEqual(violations(bind), ['1 redials bound anew, and the server had refused nothing']);
  assert.deepEqual(
    violations(([a], { refusals }) => {
      a.statuses.push(CONNECTED);
      refusals.push('failed');
    }),
    [],
  );
  assert.deepEqual(
    violations(([a], record) => {
      a.statuses.push(CONNECTED);
      record.nameless = 1;
    }),
    [],
  );
  assert.deepEqual(
    violations((_books, { faults }) => faults.push('a fault of the wire')),
    ['a fault of the wire'],
  );
});
