// The address that each form of a service resolves to.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from './load.mjs';

const { resolveService, resolveWorker } = await load('client-shim/ts/service.ts');

const HTTP = 'http://app.example:8080/chat/index.html?room=1#top';
const HTTPS = 'https://app.example/chat/';

const ADDRESSES = [
  // service, protocol, page, address
  ['wss://chat.example/ws', undefined, HTTP, 'wss://chat.example/ws'],
  ['ws://chat.example:5280/ws?a=b', undefined, HTTPS, 'ws://chat.example:5280/ws?a=b'],
  ['WSS://Chat.Example', undefined, HTTP, 'wss://chat.example/'],
  ['ws://chat.example/ws', 'wss', HTTP, 'ws://chat.example/ws'],
  ['wss://chat.example/ws#top', undefined, HTTP, 'wss://chat.example/ws'],
  ['/xmpp', 'ws', HTTP, 'ws://app.example:8080/xmpp'],
  ['/xmpp', 'wss', HTTP, 'wss://app.example:8080/xmpp'],
  ['/xmpp', 'ws', HTTPS, 'wss://app.example/xmpp'],
  ['/xmpp', 'wss', HTTPS, 'wss://app.example/xmpp'],
  ['xmpp', 'ws', HTTP, 'ws://app.example:8080/chat/xmpp'],
  ['xmpp', 'ws', HTTPS, 'wss://app.example/chat/xmpp'],
  ['../xmpp', 'wss', HTTPS, 'wss://app.example/xmpp'],
  ['?to=xmpp', 'ws', HTTP, 'ws://app.example:8080/chat/index.html?to=xmpp'],
  ['//chat.example/ws', 'ws', HTTP, 'ws://chat.example/ws'],
  ['http://chat.example/ws', 'wss', HTTP, 'wss://chat.example/ws'],
  ['https://chat.example/ws', 'ws', HTTP, 'wss://chat.example/ws'],
  ['/http-bind/', undefined, HTTP, 'http://app.example:8080/http-bind/'],
  ['http-bind#top', undefined, HTTPS, 'https://app.example/chat/http-bind'],
  ['HTTP://Chat.Example/http-bind', undefined, HTTPS, 'http://chat.example/http-bind'],
  ['https://chat.example/http-bind?a=b', undefined, HTTP, 'https://chat.example/http-bind?a=b'],
  ['https://chat.example/@home?a=@', undefined, HTTP, 'https://chat.example/@home?a=@'],
  ['/http-bind', undefined, 'https://romeo:hunter2@app.example/', 'https://app.example/http-bind'],
  ['/xmpp', 'wss', 'https://romeo:hunter2@app.example/', 'wss://app.example/xmpp'],
  ['wss://romeo:hunter2@chat.example/ws', undefined, HTTP, 'wss://romeo:hunter2@chat.example/ws'],
];

for (const [service, protocol, page, address] of ADDRESSES) {
  test(`${service} with ${protocol ?? 'no protocol'} on ${page} is ${address}`, () => {
    assert.equal(resolveService(service, protocol, page), address);
  });
}

const NO_ADDRESS = [
  [
    'localhost:5280/xmpp',
    'ws',
    HTTP,
    /^localhost:5280\/xmpp is not the address of a service: begin it with ws:\/\/.*BOSH/,
  ],
  ['ftp://chat.example/ws', 'ws', HTTP, /not the address of a service/],
  ['javascript:alert(1)', undefined, HTTP, /not the address of a service/],
  ['', undefined, HTTP, /^an empty address/],
  ['', 'ws', HTTP, /^an empty address/],
  ['ws://', undefined, HTTP, /^ws:\/\/ is not a URL/],
  ['wss://[/', undefined, HTTP, /is not a URL/],
  ['ws://a b/', undefined, HTTP, /is not a URL/],
  ['wss://chat.example:99999/', undefined, HTTP, /is not a URL/],
  ['//', 'ws', HTTP, /is not a URL/],
  ['/xmpp', 'ws', 'file:///home/app/index.html', /^\/xmpp is not a URL on the page file:/],
  ['http://', undefined, HTTP, /^http:\/\/ is not a URL/],
  ['/http-bind', undefined, 'file:///home/app/index.html', /^\/http-bind is not a URL on the page file:/],
  ['/xmpp', 'ws', 'about:blank', /is not a URL on the page about:blank/],
];

for (const [service, protocol, page, reason] of NO_ADDRESS) {
  test(`${JSON.stringify(service)} with ${protocol ?? 'no protocol'} on ${page} is no address`, () => {
    assert.throws(() => resolveService(service, protocol, page), { message: reason });
  });
}

test('an address for HTTP with a user name inside is refused in words that do not quote it', () => {
  for (const service of [
    'http://romeo:hunter2@chat.example/http-bind',
    'https://hunter2@chat.example/http-bind',
    'HTTPS://romeo:hunter2@chat.example:99999/',
    '//romeo:hunter2@chat.example/http-bind',
    'https:\\\\romeo:hunter2@chat.example',
  ]) {
    assert.throws(
      () => resolveService(service, undefined, HTTP),
      ({ message }) => /a user name inside/.test(message) && !message.includes('hunter2'),
    );
  }
});

test('the worker script must be on the origin of the page, however its address is written', () => {
  for (const worker of [
    '/epode-worker.js',
    '../epode-worker.js',
    'https://app.example/epode-worker.js',
    new URL('/epode-worker.js', HTTPS),
  ]) {
    assert.equal(
      resolveWorker(worker, HTTPS, 'https://app.example').href,
      'https://app.example/epode-worker.js',
    );
  }
  assert.throws(() => resolveWorker('https://cdn.example/epode-worker.js', HTTPS, 'https://app.example'), {
    message: /cross-origin.*https:\/\/app\.example/,
  });
  assert.throws(() => resolveWorker('http://', HTTPS, 'https://app.example'), {
    message: /http:\/\/ is not a URL/,
  });
});
