// The cookies that the option `cookies` writes, and those that it refuses.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from './load.mjs';

const { writeCookies, sink } = await load('client-shim/ts/cookies.ts', 'client-shim/ts/log.ts');

/** The texts assigned to `document.cookie`. */
function written(cookies) {
  const lines = [];
  globalThis.document = {
    set cookie(line) {
      lines.push(line);
    },
  };
  try {
    writeCookies(cookies);
  } finally {
    delete globalThis.document;
  }
  return lines;
}

test('a cookie is a value, or an object of value and attributes', () => {
  const expires = new Date(Date.UTC(2030, 0, 2, 3, 4, 5));
  assert.deepEqual(
    written({
      plain: 'a=b/+:%20',
      quoted: '"a"',
      empty: '',
      full: { value: 'v', domain: '.chat.example', path: '/xmpp ws', expires },
      bare: { value: 'v', domain: undefined, path: '' },
    }),
    [
      'plain=a=b/+:%20',
      'quoted="a"',
      'empty=',
      'full=v; expires=Wed, 02 Jan 2030 03:04:05 GMT; domain=.chat.example; path=/xmpp ws',
      'bare=v',
    ],
  );
});

const REFUSED = [
  ...['', 'a b', 'a=b', 'a;b', 'a,b', 'a\tb', 'a\nb', '"a"', 'a\u0000', 'ä', '(a)'].map((name) => [
    'name',
    name,
    'v',
  ]),
  ...['a b', 'a;path=/', 'a,b', 'a\r\nb', 'a\u0007', 'a\\b', 'a"b', '"a', 'ä', '\ud800'].map((value) => [
    'value',
    'c',
    value,
  ]),
  ...[undefined, null, 1, {}].map((value) => ['value', 'c', { value }]),
  ...['a;b', 'a\nb', 'ä'].map((domain) => ['domain', 'c', { value: 'v', domain }]),
  ...['/;secure', '/\r', 7].map((path) => ['path', 'c', { value: 'v', path }]),
  ...[new Date('never'), new Date(8.64e15), 'soon'].map((expires) => [
    'expires',
    'c',
    { value: 'v', expires },
  ]),
];

for (const [part, name, cookie] of REFUSED) {
  test(`${part}: ${JSON.stringify(name)} with ${JSON.stringify(cookie)} is refused`, () => {
    assert.throws(
      () => writeCookies({ [name]: cookie }),
      (error) => {
        assert.equal(
          error.message,
          `the ${part} of the cookie ${JSON.stringify(name)} is not one (RFC 6265 §4.1.1)`,
        );
        return true;
      },
    );
  });
}

test('if one cookie is refused, none is written', () => {
  const lines = [];
  globalThis.document = {
    set cookie(line) {
      lines.push(line);
    },
  };
  assert.throws(() => writeCookies({ good: 'v', 'b d': 'v' }));
  delete globalThis.document;
  assert.deepEqual(lines, []);
});

test('without a document, or with one that refuses cookies, an error is logged', () => {
  const log = [];
  sink.log = (level, text) => log.push([level, text]);
  writeCookies({ c: 'secret' });
  globalThis.document = {
    set cookie(_) {
      throw new Error('sandboxed');
    },
  };
  writeCookies({ c: 'secret' });
  delete globalThis.document;
  assert.equal(log.length, 2);
  assert.match(log[0][1], /document\.cookie threw: ReferenceError/);
  assert.match(log[1][1], /document\.cookie threw: Error/);
  assert.doesNotMatch(JSON.stringify(log), /secret/);
});
