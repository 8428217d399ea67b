// Requests that block the page, with an XMLHttpRequest that tells what was asked.
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { load } from './load.mjs';

const { block, withBlocking } = await load('worker/ts/blocking.ts');
const URL = 'https://chat.example/http-bind';
const HEADERS = ['Content-Type', 'text/xml', 'X-App', '1'];

/** What happened, in order; and how the next request fares. */
let told, fate;
globalThis.XMLHttpRequest = class {
  headers = [];
  open(...given) {
    this.given = given;
  }
  setRequestHeader(...header) {
    this.headers.push(header);
  }
  send(body) {
    told.push(['XHR', ...this.given, this.headers, this.withCredentials, body]);
    if (fate.fails) throw new Error('no network');
    Object.assign(this, { status: 200, responseText: '<body/>', responseURL: URL }, fate);
  }
};
const http = withBlocking(
  {
    request: (...given) => told.push(['fetch', ...given]),
    abort: (...given) => told.push(['abort', ...given]),
  },
  {
    responded: (...given) => told.push(['responded', ...given]),
    failed: (...given) => told.push(['failed', ...given]),
  },
);
const bodyOf = (sid) => `<body xmlns='http://jabber.org/protocol/httpbind' rid='1' sid='${sid}'><a/></body>`;
const ask = (sid, { isFarewell = false, isPoll = false } = {}) =>
  http.request(1, 2, URL, bodyOf(sid), HEADERS, true, isFarewell, isPoll);

beforeEach(() => {
  told = [];
  fate = {};
  block('S', true);
});

test('a request that carries something blocks; its answer comes when the engine is idle again', async () => {
  ask('S');
  const headers = [
    ['Content-Type', 'text/xml'],
    ['X-App', '1'],
  ];
  const made = ['XHR', 'POST', URL, false, headers, true, bodyOf('S')];
  assert.deepEqual(told, [made]);
  await null;
  assert.deepEqual(told, [made, ['responded', 1, 2, 200, '<body/>']]);
});

test('polls, farewells and the requests of other sessions do not block, nor those of one that was', () => {
  ask('S', { isPoll: true });
  ask('S', { isFarewell: true });
  ask('T');
  block('S', false);
  ask('S');
  http.abort(1, 2);
  assert.deepEqual(
    told.map(([what]) => what),
    ['fetch', 'fetch', 'fetch', 'fetch', 'abort'],
  );
});

test('without an answer the request has failed, and a redirect that was followed is none', async () => {
  fate = { fails: true };
  ask('S');
  await null;
  fate = { responseURL: 'https://elsewhere.example/' };
  ask('S');
  await null;
  assert.deepEqual(
    told.filter(([what]) => what !== 'XHR'),
    [
      ['failed', 1, 2],
      ['responded', 1, 2, 0, ''],
    ],
  );
});
