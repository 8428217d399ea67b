import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from './load.mjs';

const { LogLevel, log, setLogLevel, sink, debug, info, warn, error, fatal, describe } = await load(
  'client-shim/ts/constants.ts',
  'client-shim/ts/log.ts',
);

test('a line goes to the console method of its level, unless it is below the set level', (t) => {
  const written = [];
  for (const method of ['debug', 'info', 'warn', 'error'])
    t.mock.method(console, method, (line) => written.push([method, line]));
  for (const write of [debug, info, warn, error, fatal]) write('x');
  assert.deepEqual(
    written.map(([method]) => method),
    ['info', 'warn', 'error', 'error'],
    'the default level is INFO',
  );
  written.length = 0;
  setLogLevel(LogLevel.FATAL);
  error('quiet');
  fatal('loud');
  assert.deepEqual(written, [['error', 'loud']]);
  setLogLevel(LogLevel.INFO);
});

test('an unknown level throws', () => {
  for (const level of [-1, 5, undefined, 'INFO']) assert.throws(() => setLogLevel(level), RangeError);
});

test('an app that replaces the log gets lines of every level', () => {
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

test('an exception is described by its name and stack, never by its message', () => {
  const quoting = new TypeError('<body>secret</body>\nsecret too (secret)');
  assert.match(describe(quoting), /^TypeError\n +at .*log\.test\.mjs:\d+:\d+/);
  assert.doesNotMatch(describe(quoting), /secret/);
  // Messages that look like an indented stanza or like another stack.
  for (const message of [
    '<a>\n    at secret\n</a>',
    'x\n    at secret (y:1:2)\nsecret@chat.example:1:2',
    '',
  ]) {
    const frames = describe(new Error(message));
    assert.match(frames, /^Error\n +at .*log\.test\.mjs:\d+:\d+/);
    assert.doesNotMatch(frames, /secret/);
  }
  assert.equal(describe('secret'), 'string');
  assert.equal(describe({ secret: 1 }), 'object');
  assert.equal(describe(Object.assign(new Error('secret'), { stack: undefined })), 'Error');
  const stack = 'f@https://app.example/x.js?key=secret:1:2\n@https://app.example/y.js#secret:30:4\n';
  assert.equal(
    describe(Object.assign(new Error('secret'), { stack })),
    'Error\nf@https://app.example/x.js:1:2\n@https://app.example/y.js:30:4',
  );
  const chromium =
    'Error: secret\n    at f (https://app.example/x.js?key=secret:1:2)\n    at async https://app.example/y.js?secret=a:b:30:4';
  assert.equal(
    describe(Object.assign(new Error('secret'), { stack: chromium })),
    'Error\n    at f (https://app.example/x.js:1:2)\n    at async https://app.example/y.js:30:4',
  );
});
