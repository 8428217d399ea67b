// The engine's end of a port, with the real engine: every field of a tab's message is checked before the
// engine acts on the message.
import assert from 'node:assert/strict';
import { build } from 'esbuild';
import { readFile } from 'node:fs/promises';
import { beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const wasm = await readFile(`${root}worker/pkg/epode_worker_bg.wasm`);

// Nothing here waits for a task of the engine's own, and none is to keep this process from ending.
globalThis.MessageChannel = class {
  port1 = {};
  port2 = { postMessage() {} };
};
Object.defineProperty(globalThis, 'navigator', { configurable: true, value: {} });
const { setTimeout: wait } = globalThis;
globalThis.setTimeout = (...timer) => wait(...timer).unref();

const { outputFiles } = await build({
  stdin: {
    contents: `
      export { accept, start } from './worker/ts/ports.ts';
      export { imports, loaded, online, owned } from './worker/pkg/epode_worker.js';
    `,
    resolveDir: root,
    loader: 'ts',
  },
  bundle: true,
  format: 'esm',
  write: false,
});
const engine = await import(
  `data:text/javascript;base64,${Buffer.from(outputFiles[0].text).toString('base64')}`
);
const { accept } = engine;
engine.loaded((await WebAssembly.instantiate(wasm, engine.imports())).instance);

/** The sockets that the engine has dialled. */
let dialled = [];
beforeEach(() => (dialled = []));
const dial = (url, greeting) => dialled[dialled.push({ url, greeting, close() {}, send() {} }) - 1];
/** No service here is BOSH. */
const http = { request() {}, abort() {} };
const own = (name) => queueMicrotask(() => engine.owned(name));
engine.start(undefined, { own, seek() {}, disown() {}, exit() {} }, dial, http, true, false);

/** What was to happen at once has happened. */
const settled = () => new Promise((resolve) => wait(resolve));

/** A port, and what is posted to its tab. */
function open(...said) {
  const posted = [];
  const port = { posted, postMessage: (message) => posted.push(structuredClone(message)), close() {} };
  accept(port, said);
  port.say = (...words) => {
    for (const data of words) port.onmessage?.({ data: structuredClone(data) });
    return posted;
  };
  return port;
}

/**
 * What the engine says to a tab whose first word this is. A later word that the engine does not understand is
 * only logged.
 */
function heard(data) {
  return open().say(data);
}

const hello = { versions: [1], tab: 't', lock: null, before: null, visible: true };
const options = {
  mechanisms: [],
  listed: false,
  own_mechanisms: [],
  session_key: null,
  explicit_binding: false,
  reconnect: true,
  attach: true,
  reload_grace: 10_000,
  queue_stanzas: 3,
  queue_size: 4_294_967_295,
  management: { max_unacked: 5, resume: true, max: 300 },
};
const credentials = { authcid: null, password: 'sesame', keys: null };
const connect = { service: 'ws://s/', jid: 'a@b', credentials, options };
const criteria = {
  ns: null,
  name: 'iq',
  types: ['get', 'set'],
  id: null,
  from: null,
  bare: false,
  ignore_fragment: true,
};
const claim = { claims: [{ id: 1, selector: { Stanza: criteria } }], from: 7, made: 0, generation: 1 };

/** Each variant, with a value for each field. */
const WORDS = [
  { Hello: hello },
  { Hello: { ...hello, lock: 'l', before: { boot: 'b', position: 2 ** 53 - 1 } } },
  { Connect: connect },
  {
    Connect: {
      ...connect,
      options: {
        ...options,
        mechanisms: [{ name: 'PLAIN', priority: 50 }],
        own_mechanisms: [{ name: 'X', priority: 90 }],
        session_key: 'k',
      },
    },
  },
  { Attach: { service: 's', jid: null, explicit_binding: true } },
  { Restore: { service: 's', jid: 'a@b' } },
  { Bind: { resource: 'r' } },
  { SaslResponse: { exchange: 3, response: 'r' } },
  { SaslAbort: { exchange: 4 } },
  { Claim: claim },
  { Claim: { claims: [{ id: 2, selector: 'Everything' }], from: 0, made: 1_800_000_000_000, generation: 1 } },
  { Claim: { claims: [{ id: 3, selector: 'Sent' }], from: 0, made: 1_800_000_000_000, generation: 1 } },
  { Release: { claims: [7, 9] } },
  { Ack: { posts: 0 } },
  {
    Send: {
      stanzas: [
        { token: 4, text: '<a/>' },
        { token: 5, text: '<b/>' },
      ],
    },
  },
  { Request: { token: 6, text: '<iq/>', timeout: 100 } },
  { Unhandled: { position: 9 } },
  { Visibility: { visible: false } },
  'StepAside',
  'Freeze',
  'Pong',
  'Ping',
  'Follow',
  { Tabs: { token: 5 } },
  { Disconnect: { reason: 'enough', timeout: 3000 } },
  'Leave',
];

/** How the engine refuses what is not of the protocol. */
const refusal = (detail) => [{ Refused: { Malformed: { detail } } }];

test('each message of a tab is taken', () => {
  for (const word of WORDS) {
    const [answer] = heard(word);
    assert.doesNotMatch(answer?.Refused?.Malformed.detail ?? '', /a message/, JSON.stringify(word));
  }
});

/** Values that a field may have by mistake. */
const WRONG = [
  undefined,
  null,
  'hunter2',
  '',
  true,
  0,
  1,
  -1,
  1.5,
  NaN,
  Infinity,
  2 ** 32,
  2 ** 53,
  1n,
  {},
  [],
  new Array(1),
  [null],
  ['hunter2'],
  [1.5],
  [[]],
  [{}],
  new Map(),
  new Date(0),
  new Uint8Array(2),
];

/** Whether a wrong value happens to be valid at this path. */
function fits(value, wrong, path) {
  if (wrong === value) return true;
  const optional =
    /lock|before|authcid|password|keys|session_key|reason|response|resource|management$|max$|Request\.timeout|Attach\.jid|Stanza\.(ns|name|types|id|from)/.test(
      path,
    );
  if (optional && wrong == null) return true;
  // All fields of these are optional.
  if (/Bind$|credentials$/.test(path))
    return typeof wrong === 'object' && wrong !== null && !Array.isArray(wrong);
  if (Array.isArray(value))
    return (
      Array.isArray(wrong) && (wrong.length === 0 || (typeof value[0] === 'string' && wrong[0] === 'hunter2'))
    );
  if (typeof value === 'number')
    return (
      Number.isInteger(wrong) && wrong >= 0 && wrong < (/position|from$|made$/.test(path) ? 2 ** 53 : 2 ** 32)
    );
  if (value === null) return !/before/.test(path) && typeof wrong === 'string';
  return typeof wrong === typeof value && typeof value !== 'object';
}

/** The message with each of its fields in turn replaced by each wrong value. */
function* spoilt(value, path = '') {
  if (typeof value !== 'object' || value === null) return;
  for (const [name, content] of Object.entries(value)) {
    const here = `${path}.${name}`;
    for (const wrong of WRONG)
      if (!fits(content, wrong, here))
        yield [Object.assign(Array.isArray(value) ? [...value] : { ...value }, { [name]: wrong }), here];
    for (const [inner, where] of spoilt(content, here))
      yield [Object.assign(Array.isArray(value) ? [...value] : { ...value }, { [name]: inner }), where];
  }
}

test('a field of the wrong type is refused, and the error names the field without quoting the value', () => {
  let tried = 0;
  for (const word of WORDS) {
    for (const [wrong, path] of spoilt(word)) {
      const [{ Refused } = {}, ...more] = heard(wrong);
      assert.deepEqual(more, [], path);
      assert.match(Refused?.Malformed.detail ?? 'taken', /^a message \w+ with a wrong \w+$/, path);
      assert.doesNotMatch(Refused.Malformed.detail, /sesame|hunter2/, path);
      tried += 1;
    }
  }
  assert.ok(tried > 500, `${tried}`);
  assert.deepEqual(
    heard({ Connect: { ...connect, options: { ...options, reconnect: 'yes' } } }),
    refusal('a message Connect with a wrong reconnect'),
  );
});

test('data that is no message is refused', () => {
  for (const data of [
    null,
    undefined,
    42,
    'Nonsense',
    '',
    'constructor',
    '__proto__',
    {},
    { Novelty: {} },
    { constructor: {} },
    { Tabs: { token: 5 }, Ack: { posts: 1 } },
    1n,
    new Map([['Pong', 1]]),
  ]) {
    assert.deepEqual(heard(data), refusal('not a message that this worker knows'));
  }
  assert.deepEqual(heard('Hello'), refusal('a message Hello with a wrong content'));
  assert.deepEqual(heard({ Leave: {} }), refusal('a message Leave with a wrong content'));
});

test('optional fields may be absent, and unknown fields are ignored', async () => {
  const { mechanisms, own_mechanisms } = options;
  const least = { mechanisms, own_mechanisms, listed: false, explicit_binding: false, reconnect: true };
  Object.assign(least, { attach: true, reload_grace: 0, queue_stanzas: 1, queue_size: 1, novelty: 1 });
  open({ Hello: { versions: [1], tab: 'least', visible: true } }).say({
    Connect: { service: 'ws://least/', jid: 'least@b', credentials: { password: 'x' }, options: least },
  });
  await settled();
  assert.deepEqual(
    dialled.map(({ url }) => url),
    ['ws://least/'],
  );
});

test('messages that a tab posted before the engine was loaded come first, in order', () => {
  const port = open({ Hello: hello }, 'Ping');
  assert.deepEqual(port.say({ Tabs: { token: 7 } }), [
    { Welcome: { version: 1, boot: port.posted[0].Welcome.boot, lock: null } },
    'Pong',
    { Tabs: { token: 7, tabs: [] } },
  ]);
});

test('a message to several tabs is posted to each', async () => {
  const [one, other] = [1, 2].map(() => open({ Hello: hello }));
  for (const port of [one, other]) port.say({ Connect: { ...connect, jid: 'two@b' } });
  await settled();
  const [socket] = dialled;
  assert.deepEqual([dialled.length, socket.greeting.includes("to='b'")], [1, true]);
  socket.onclose({ code: 1006, reason: 'gone' });
  for (const { posted } of [one, other]) {
    const last = posted.filter(({ Status }) => Status).map(({ Status }) => Status);
    assert.deepEqual(
      last.map(({ code }) => code),
      ['ConnFail', 'Disconnected'],
    );
    assert.deepEqual(Object.keys(last[0]), [
      'code',
      'condition',
      'text',
      'features',
      'session',
      'close_code',
    ]);
    assert.deepEqual([last[0].session, last[0].close_code], [null, 1006]);
  }
});

test('a page of strophe.js, which begins with an array, is answered in words that it understands', async () => {
  for (const word of [[], [42], [null, '_connect'], ['constructor'], ['_connect', 42]]) {
    const [[log, level, sentence]] = open().say(word);
    assert.deepEqual([log, level], ['log', 'error'], JSON.stringify(word));
    assert.match(sentence, /worker of Epode does not understand/);
  }
  const port = open();
  assert.deepEqual(port.say(['_connect', 'ws://s/', 'a@c', 3]), [['_role', 'primary', 'a@c']]);
  // Whatever it says, it stays such a page.
  assert.equal(port.say({ Hello: hello }).at(-1)[0], 'log');
  await settled();
  assert.equal(dialled.length, 1);
});

test('an array after a first message of our protocol is refused', () => {
  for (const port of [open(), open('Pong')]) {
    port.say('Pong', ['_connect', 'ws://s/', 'a@b', 3]);
    assert.deepEqual(port.posted.at(-1), refusal('not a message that this worker knows')[0]);
  }
});
