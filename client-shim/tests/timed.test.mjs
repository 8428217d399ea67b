import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from './load.mjs';

const { TimedHandlers, sink } = await load('client-shim/ts/timed.ts', 'client-shim/ts/log.ts');
sink.log = () => {};

/** A started list on a mocked clock, and the calls of its handlers. */
function ticking(t) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const handlers = new TimedHandlers();
  handlers.start();
  const calls = [];
  return {
    handlers,
    calls,
    add: (period, name, does = () => true) => handlers.add(period, () => (calls.push(name), does())),
  };
}

test('a timed handler is called after its period, and again while it returns a truthy value', (t) => {
  const { calls, add } = ticking(t);
  let left = 3;
  add(100, 'a', () => --left);
  t.mock.timers.tick(99);
  assert.deepEqual(calls, []);
  t.mock.timers.tick(1);
  assert.deepEqual(calls, ['a']);
  for (let i = 0; i < 9; i++) t.mock.timers.tick(100);
  assert.deepEqual(calls, ['a', 'a', 'a']);
});

test('each handler has its own period', (t) => {
  const { calls, add } = ticking(t);
  add(100, 'slow'), add(30, 'fast');
  for (let i = 0; i < 10; i++) t.mock.timers.tick(10);
  assert.deepEqual(calls, ['fast', 'fast', 'fast', 'slow']);
});

test('handlers wait until start, and from stop to the next start', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const handlers = new TimedHandlers();
  let calls = 0;
  handlers.add(10, () => ++calls);
  t.mock.timers.tick(100);
  assert.equal(calls, 0);
  handlers.start();
  handlers.start();
  t.mock.timers.tick(10);
  assert.equal(calls, 1);
  handlers.stop();
  t.mock.timers.tick(100);
  assert.equal(calls, 1);
  handlers.start();
  t.mock.timers.tick(10);
  assert.equal(calls, 2);
});

test('a deleted handler is not called, also when it deletes itself', (t) => {
  const { handlers, calls, add } = ticking(t);
  handlers.delete(add(10, 'never'));
  const self = add(10, 'self', () => (handlers.delete(self), true));
  for (let i = 0; i < 5; i++) t.mock.timers.tick(10);
  assert.deepEqual(calls, ['self']);
});

test('a handler that throws is removed, and the others go on', (t) => {
  const { calls, add } = ticking(t);
  add(10, 'bad', () => {
    throw new Error('boo');
  });
  add(10, 'good');
  t.mock.timers.tick(10);
  t.mock.timers.tick(10);
  assert.deepEqual(calls, ['bad', 'good', 'good']);
});

test('a list stopped from within a run stays stopped, with the handler in it', (t) => {
  const { handlers, calls, add } = ticking(t);
  add(10, 'a', () => (handlers.stop(), true));
  t.mock.timers.tick(10);
  t.mock.timers.tick(100);
  assert.deepEqual(calls, ['a']);
  handlers.start();
  t.mock.timers.tick(10);
  assert.deepEqual(calls, ['a', 'a']);
});

test('a period longer than the longest timer does not end at once', (t) => {
  const { calls, add } = ticking(t);
  add(2 ** 31, 'a');
  add(Infinity, 'b');
  t.mock.timers.tick(24 * 24 * 3600 * 1000);
  assert.deepEqual(calls, []);
});
