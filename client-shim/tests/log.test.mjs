import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from './load.mjs';

const { LogLevel, log, setLogLevel, sink, debug, info, warn, error, fatal, describe } = await load(
  'client-shim/ts/constants.ts',
  'client-shim/ts/log.ts',
);

test('a line is written to the console by its level, and one below the set level is not written', (t) => {
  const written = [];
  for (const method of ['debug', 'info', 'warn', 'error']) t.mock.method(console, method, (line) => written.push([method, line]));
  for (const write of [debug, info, warn, error, fatal]) write('x');
  assert.deepEqual(written.map(([method]) => method), ['info', 'warn', 'error', 'error'], 'the default level is INFO');
  written.length = 0;
  setLogLevel(LogLevel.FATAL);
  error('quiet');
  fatal('loud');
  assert.deepEqual(written, [['error', 'loud']]);
  setLogLevel(LogLevel.INFO);
});

test('a level that is none is refused', () => {
  for (const level of [-1, 5, undefined, 'INFO']) assert.throws(() => setLogLevel(level), RangeError);
});

test('an app that takes over the log hears every level', () => {
  const heard = [];
  sink.log = (...line) => heard.push(line);
  debug('a');
  fatal('b');
  sink.log = log;
  assert.deepEqual(heard, [
    [LogLevel.DEBUG, 'a'],
    [LogLevel.FATAL, 'b'],
  ]);
});

test('whatever was thrown can be described', () => {
  assert.match(describe(new TypeError('boo')), /TypeError: boo\n.*log\.test/);
  assert.equal(describe('boo'), 'boo');
  const firefox = Object.assign(new Error('boo'), { stack: 'f@x.js:1' });
  assert.equal(describe(firefox), 'Error: boo\nf@x.js:1');
});
