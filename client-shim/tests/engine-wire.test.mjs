// The engine's end of a port: every field of a tab's message is checked before the engine gets the
// message.
import assert from 'node:assert/strict';
import { build } from 'esbuild';
import { beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The calls of the engine, which here only records them. */
let calls = [];
const NAMES = [
  'ack',
  'attach',
  'bind',
  'claim',
  'connect',
  'disconnect',
  'freeze',
  'hello',
  'leave',
  'malformed',
  'ping',
  'pong',
  'release',
  'request',
  'restore',
  'sasl_abort',
  'sasl_response',
  'send',
  'step_aside',
  'tabs',
  'unhandled',
  'visibility',
];
const FUNCTIONS = ['accept', 'forget', 'start', 'add_claim', ...NAMES.map((name) => `on_${name}`)];
globalThis.engine = Object.fromEntries(
  FUNCTIONS.map((name) => [name, (...words) => void calls.push([name, ...words])]),
);

const { outputFiles } = await build({
  entryPoints: [`${root}client-shim/ts/engine-wire.ts`],
  bundle: true,
  format: 'esm',
  write: false,
  plugins: [
    {
      name: 'engine',
      setup(build) {
        build.onResolve({ filter: /\/pkg\// }, ({ path }) => ({ path, namespace: 'engine' }));
        build.onLoad({ filter: /.*/, namespace: 'engine' }, () => ({
          contents: `export const { ${FUNCTIONS} } = globalThis.engine;`,
        }));
      },
    },
  ],
});
const { accept, start } = await import(
  `data:text/javascript;base64,${Buffer.from(outputFiles[0].text).toString('base64')}`
);

beforeEach(() => (calls = []));

/** The calls of the engine when a tab posts `data`; data that cannot be cloned fails the test. */
function heard(data) {
  const port = {};
  calls = [];
  accept(port);
  const [[, number]] = calls.splice(0);
  port.onmessage({ data: structuredClone(data) });
  return calls.map(([name, ...words]) => {
    if (name.startsWith('on_') && words[0] === number) words[0] = 'port';
    return [name, ...words.map((word) => (ArrayBuffer.isView(word) ? [...word] : word))];
  });
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
const claim = { claims: [{ id: 1, selector: { Stanza: criteria } }], from: 7, made: 0 };

/** Each variant with its content, and the call that the engine gets. */
const WORDS = [
  [{ Hello: hello }, ['on_hello', 'port', [1], 't', null, true, undefined, 0]],
  [
    { Hello: { ...hello, lock: 'l', before: { boot: 'b', position: 2 ** 53 - 1 } } },
    ['on_hello', 'port', [1], 't', 'l', true, 'b', 2 ** 53 - 1],
  ],
  [
    { Connect: connect },
    [
      'on_connect',
      'port',
      'ws://s/',
      'a@b',
      null,
      'sesame',
      null,
      [],
      [],
      0,
      false,
      null,
      false,
      true,
      true,
      10_000,
      3,
      4_294_967_295,
    ],
  ],
  [
    {
      Connect: {
        ...connect,
        options: {
          ...options,
          mechanisms: [{ name: 'PLAIN', priority: 50 }],
          listed: true,
          own_mechanisms: [{ name: 'X', priority: 90 }],
          session_key: 'k',
          explicit_binding: true,
          reconnect: false,
          attach: false,
        },
      },
    },
    [
      'on_connect',
      'port',
      'ws://s/',
      'a@b',
      null,
      'sesame',
      null,
      ['X', 'PLAIN'],
      [90, 50],
      1,
      true,
      'k',
      true,
      false,
      false,
      10_000,
      3,
      4_294_967_295,
    ],
  ],
  [{ Attach: { service: 's', jid: null, explicit_binding: true } }, ['on_attach', 'port', 's', null, true]],
  [{ Restore: { service: 's', jid: 'a@b' } }, ['on_restore', 'port', 's', 'a@b']],
  [{ Bind: { resource: 'r' } }, ['on_bind', 'port', 'r']],
  [{ SaslResponse: { exchange: 3, response: 'r' } }, ['on_sasl_response', 'port', 3, 'r']],
  [{ SaslAbort: { exchange: 4 } }, ['on_sasl_abort', 'port', 4]],
  [
    { Claim: claim },
    ['add_claim', 1, 0, null, 'iq', ['get', 'set'], null, null, false, true],
    ['on_claim', 'port', 7, 0],
  ],
  [
    {
      Claim: {
        claims: [
          { id: 2, selector: 'Everything' },
          { id: 3, selector: 'Sent' },
        ],
        from: 0,
        made: 1_800_000_000_000,
      },
    },
    ['add_claim', 2, 1, null, null, null, null, null, false, false],
    ['add_claim', 3, 2, null, null, null, null, null, false, false],
    ['on_claim', 'port', 0, 1_800_000_000_000],
  ],
  [{ Release: { claims: [7, 9] } }, ['on_release', 'port', [7, 9]]],
  [{ Ack: { posts: 8 } }, ['on_ack', 'port', 8]],
  [
    {
      Send: {
        stanzas: [
          { token: 4, text: '<a/>' },
          { token: 5, text: '<b/>' },
        ],
      },
    },
    ['on_send', 'port', [4, 5], ['<a/>', '<b/>']],
  ],
  [{ Request: { token: 6, text: '<iq/>', timeout: 100 } }, ['on_request', 'port', 6, '<iq/>', 100]],
  [{ Unhandled: { position: 9 } }, ['on_unhandled', 'port', 9]],
  [{ Visibility: { visible: false } }, ['on_visibility', 'port', false]],
  ['StepAside', ['on_step_aside', 'port', undefined]],
  ['Freeze', ['on_freeze', 'port', undefined]],
  ['Pong', ['on_pong', 'port', undefined]],
  ['Ping', ['on_ping', 'port', undefined]],
  [{ Tabs: { token: 5 } }, ['on_tabs', 'port', 5]],
  [{ Disconnect: { reason: 'enough', timeout: 3000 } }, ['on_disconnect', 'port', 'enough', 3000]],
  ['Leave', ['on_leave', 'port', undefined]],
];

test('each message of a tab reaches the engine', () => {
  for (const [word, ...expected] of WORDS) assert.deepEqual(heard(word), expected, JSON.stringify(word));
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
    /lock|before|authcid|password|keys|session_key|reason|response|resource|Request\.timeout|Attach\.jid|Stanza\.(ns|name|types|id|from)/.test(
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
  for (const [word] of WORDS) {
    for (const [wrong, path] of spoilt(word)) {
      const [[name, port, detail], ...more] = heard(wrong);
      assert.deepEqual([name, port, more], ['on_malformed', 'port', []], `${path}: ${name}`);
      assert.match(detail, /^a message \w+ with a wrong \w+$/);
      assert.doesNotMatch(detail, /sesame|hunter2/, path);
      tried += 1;
    }
  }
  assert.ok(tried > 500, `${tried}`);
  const [[, , detail]] = heard({ Connect: { ...connect, options: { ...options, reconnect: 'yes' } } });
  assert.equal(detail, 'a message Connect with a wrong reconnect');
});

test('data that is no message is refused', () => {
  const known = 'not a message that this worker knows';
  for (const data of [
    null,
    undefined,
    42,
    'Nonsense',
    '',
    'constructor',
    '__proto__',
    [],
    [42],
    [null, '_connect'],
    {},
    { Novelty: {} },
    { constructor: {} },
    { Tabs: { token: 5 }, Ack: { posts: 1 } },
    1n,
    new Map([['Pong', 1]]),
  ]) {
    assert.deepEqual(heard(data), [['on_malformed', 'port', known]]);
  }
  assert.deepEqual(heard('Hello'), [['on_malformed', 'port', 'a message Hello with a wrong content']]);
  assert.deepEqual(heard({ Leave: {} }), [['on_malformed', 'port', 'a message Leave with a wrong content']]);
});

test('optional fields may be absent, and unknown fields are ignored', () => {
  assert.deepEqual(heard({ Disconnect: { timeout: 0, novelty: 1 } }), [
    ['on_disconnect', 'port', undefined, 0],
  ]);
  assert.deepEqual(heard({ Request: { token: 6, text: '<iq/>' } }), [
    ['on_request', 'port', 6, '<iq/>', undefined],
  ]);
});

test('each port has its own number', () => {
  for (let times = 0; times < 3; times++) accept({});
  const numbers = calls.map(([, number]) => number);
  assert.equal(new Set(numbers).size, 3);
});

test('messages that a tab posted before the engine was loaded come first, in order', () => {
  const port = {};
  accept(port, [{ Hello: hello }, 'Leave']);
  port.onmessage({ data: 'Pong' });
  assert.deepEqual(
    calls.map(([name]) => name),
    ['accept', 'on_hello', 'on_leave', 'on_pong'],
  );
});

test('messages of the engine have the form of the protocol', () => {
  const dial = () => {};
  start('lock', {}, dial, true);
  const [[, lock, , dialler, outlet, shared]] = calls;
  assert.deepEqual([lock, dialler, shared], ['lock', dial, true]);
  assert.deepEqual(outlet.welcome(1, 'b', undefined), { Welcome: { version: 1, boot: 'b', lock: null } });
  assert.deepEqual(outlet.refusedVersion(new Uint32Array([1])), { Refused: { Version: { speaks: [1] } } });
  assert.deepEqual(outlet.status(5, undefined, undefined, 'a@b/c', 'b', '<f/>', 3), {
    Status: {
      code: 'Connected',
      condition: null,
      text: null,
      session: { jid: 'a@b/c', domain: 'b', features: '<f/>', position: 3 },
      close_code: null,
    },
  });
  assert.deepEqual(outlet.status(13, 'c', 't', undefined, undefined, undefined, 0, 1006), {
    Status: { code: 'Reconnecting', condition: 'c', text: 't', session: null, close_code: 1006 },
  });
  assert.deepEqual(outlet.unasked(4, 'c', 't', 2), {
    Response: { token: 4, outcome: { Refused: { condition: 'c', text: 't' } }, position: 2 },
  });
  assert.deepEqual([outlet.joining(), outlet.ping(), outlet.pong()], ['Joining', 'Ping', 'Pong']);
  assert.deepEqual(outlet.log(2, 'x'), { Log: { level: 'Warn', text: 'x' } });
});

test('rows that were posted once are not posted again', () => {
  start(undefined, {}, () => {}, true);
  const outlet = calls[0][4];
  outlet.addStanza(1, 4, undefined);
  outlet.addStanza(2, 5, undefined);
  assert.deepEqual(outlet.deliver('<a/><bc/>'), {
    Deliver: { positions: [1, 2], origins: null, lengths: [4, 5], text: '<a/><bc/>' },
  });
  outlet.addStanza(3, 4, 2);
  outlet.addStanza(3, 4, 1);
  assert.deepEqual(outlet.deliver('<a/><b/>'), {
    Deliver: { positions: [3, 3], origins: ['Replayed', 'Sent'], lengths: [4, 4], text: '<a/><b/>' },
  });
  outlet.addStanza(4, 4, undefined);
  assert.deepEqual(outlet.deliver('<a/>'), {
    Deliver: { positions: [4], origins: null, lengths: [4], text: '<a/>' },
  });
  assert.deepEqual(outlet.stanza(5, '<a/>'), [5, '<a/>']);

  outlet.addCaught(1, 0, '<a/>');
  outlet.addClaim(7);
  outlet.addClaim(8);
  assert.deepEqual(outlet.claimed(), {
    Claimed: {
      claims: [
        { claim: 7, stanzas: [[1, 'Received', '<a/>']] },
        { claim: 8, stanzas: [] },
      ],
    },
  });
  assert.deepEqual(outlet.claimed(), { Claimed: { claims: [] } });

  outlet.addTab('t', true, false, true, false, 16, 2, 3);
  assert.deepEqual(outlet.tabs(5), {
    Tabs: {
      token: 5,
      tabs: [
        {
          tab: 't',
          own: true,
          role: 'Secondary',
          visible: true,
          awake: false,
          credit: 16,
          waiting: 2,
          claims: 3,
        },
      ],
    },
  });
  assert.deepEqual(outlet.tabs(6), { Tabs: { token: 6, tabs: [] } });
});

test('a port that begins with an array is a page of strophe.js, which the engine forgets', () => {
  const posted = [];
  const port = { postMessage: (message) => posted.push(message) };
  const say = (data) => {
    posted.length = 0;
    port.onmessage({ data });
    return structuredClone(posted);
  };
  accept(port);
  const [[, number]] = calls.splice(0);
  assert.deepEqual(say(['_bye']), []);
  assert.deepEqual(calls.splice(0), [['forget', number]]);
  const failed = say(['_connect', 'ws://s/', 'a@b', 3]);
  const [[, , sentence]] = failed;
  assert.match(sentence, /Epode.*strophe\.js.*option "worker"/);
  assert.deepEqual(failed, [
    ['log', 'fatal', sentence],
    ['_onClose', sentence],
  ]);
  // Releases of strophe.js before 4.1 send no version.
  assert.deepEqual(say(['_attach', 'ws://s/']), [
    ['log', 'fatal', sentence],
    ['_attachCallback', 12],
  ]);
  for (const word of [
    ['send', '<close/>'],
    ['_closeSocket'],
    ['_pong'],
    ['_relinquish'],
    [],
    [[]],
    ['constructor'],
    { Hello: hello },
    null,
  ]) {
    assert.deepEqual(say(word), [], JSON.stringify(word));
  }
  assert.deepEqual(calls, [], "nothing of that is the engine's");
});

test('an array after a first message of our protocol is refused', () => {
  const port = { postMessage: (message) => assert.fail(JSON.stringify(message)) };
  for (const first of ['Pong', { Hello: hello }]) {
    accept(port);
    port.onmessage({ data: first });
    calls = [];
    port.onmessage({ data: ['_connect', 'ws://s/', 'a@b', 3] });
    assert.deepEqual(
      calls.map(([name]) => name),
      ['on_malformed'],
    );
  }
  accept(port, [{ Hello: hello }]);
  calls = [];
  port.onmessage({ data: ['_bye'] });
  assert.deepEqual(
    calls.map(([name]) => name),
    ['on_malformed'],
  );
});
