// A connection over BOSH, as a page has it: options, the session that is kept, and what apps read. The worker
// is scripted.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { load } from './load.mjs';
import { Connection, epode, ports, settled, sink, Status, status, up, window } from './page.mjs';

const { Bosh, Websocket } = epode;
const KEPT = 'strophe-bosh-session';
const SERVICE = 'https://chat.example/http-bind';
const WORKER = { worker: '/epode-worker.js' };
const JID = 'alice@chat.example/desk';
const NOT_RESTORABLE = { name: 'StropheSessionError', message: '_restore: no restoreable session.' };

let lines;
beforeEach(() => {
  lines = [];
  sink.log = (_, line) => lines.push(line);
  sessionStorage.clear();
});
afterEach(() => (sink.log = () => {}));

/** The numbers of a session, as the worker tells them. */
const numbers = (next, more = {}) => ({
  BoshSession: {
    jid: JID,
    sid: 'S',
    next,
    lowest: next,
    wait: 60,
    hold: 1,
    window: 2,
    inactivity: 30,
    ...more,
  },
});
const kept = () => JSON.parse(sessionStorage.getItem(KEPT));
const keep = (session) => sessionStorage.setItem(KEPT, JSON.stringify(session));

/** A connection that has asked to be in a session. */
async function asked(
  options = {},
  act = (connection, callback) => connection.connect(JID, 'secret', callback),
) {
  const connection = new Connection(SERVICE, 'worker' in options ? options : { ...WORKER, ...options });
  const statuses = [];
  act(connection, (status, condition) => statuses.push(condition ? [status, condition] : status));
  const isDone = () =>
    statuses.length > 1 || ports.at(-1)?.posted.some(({ Connect, AttachBosh }) => Connect ?? AttachBosh);
  // The first load of a script takes its time.
  for (let i = 0; i < 100 && !isDone(); i++) await settled();
  return { connection, statuses, port: ports.at(-1) };
}

/** One that is in a session. */
async function online(options, act) {
  const page = await asked(options, act);
  page.port.say(numbers(7), up('Connected', JID));
  await settled();
  return page;
}

describe('options', () => {
  /** What the worker is asked to make requests with. */
  const http = async (options) => (await asked(options)).port.said('Connect')[0].Connect.bosh.http;

  test('the defaults are those of Strophe', async () => {
    const { port } = await asked();
    const { service, bosh } = port.said('Connect')[0].Connect;
    assert.equal(service, SERVICE);
    assert.deepEqual(bosh, {
      wait: null,
      hold: null,
      route: null,
      http: { headers: [], with_credentials: false, content_type: null },
    });
  });

  test('headers are lines, as Strophe documents them, or a map, as Strophe reads them', async () => {
    const headers = [
      { name: 'X-App', value: '1' },
      { name: 'Authorization', value: 'Bearer a:b' },
    ];
    for (const customHeaders of [
      ['X-App: 1', 'Authorization:Bearer a:b'],
      { 'X-App': 1, Authorization: ' Bearer a:b ' },
    ])
      assert.deepEqual((await http({ customHeaders })).headers, headers);
    assert.deepEqual((await http({ customHeaders: ['X-A: 1', 'x-a: 2'] })).headers, [
      { name: 'X-A', value: '1, 2' },
    ]);
  });

  test('credentials and the content type are taken, and a header may name the content type too', async () => {
    const given = await http({ withCredentials: true, contentType: 'text/plain' });
    assert.deepEqual([given.with_credentials, given.content_type], [true, 'text/plain']);
    assert.equal((await http({ customHeaders: { 'content-type': 'text/a' } })).content_type, 'text/a');
  });

  for (const [what, options, reason] of [
    [
      'a line without a colon',
      { customHeaders: ['X-App: 1', 'hunter2'] },
      /^entry 2 of customHeaders has no colon/,
    ],
    ['a name with a space', { customHeaders: { 'X App': 'hunter2' } }, /"X App" is no name of a header/],
    ['an empty name', { customHeaders: [': hunter2'] }, /"" is no name of a header/],
    [
      'a value with a line break',
      { customHeaders: { 'X-App': 'hunter2\r\nX: y' } },
      /header X-App .* line break/,
    ],
    ['a value beyond Latin-1', { customHeaders: { 'X-App': 'hunter2 Ω' } }, /header X-App .* character/],
    ['a value that is an object', { customHeaders: { 'X-App': {} } }, /header X-App .* is no text/],
    ['text in the place of a list', { customHeaders: 'X-App: hunter2' }, /customHeaders is a list/],
    ['a content type with a line break', { contentType: 'hunter2\n' + 'x' }, /contentType has a line break/],
  ]) {
    test(`${what} is CONNFAIL in words that quote no value`, async () => {
      const { statuses, port } = await asked(options);
      assert.deepEqual(port.said('Connect'), []);
      const [, [code, condition], [end]] = statuses;
      assert.deepEqual([code, end], [Status.CONNFAIL, Status.DISCONNECTED]);
      assert.match(condition, reason);
      assert.ok(![condition, ...lines].some((line) => line.includes('hunter2')));
    });
  }

  test('headers that browsers keep to themselves are left out, and the log names them', async () => {
    const { headers } = await http({ customHeaders: ['Cookie: hunter2', 'Sec-Fetch-Site: x', 'X-App: 1'] });
    assert.deepEqual(headers, [{ name: 'X-App', value: '1' }]);
    const said = lines.filter((line) => line.includes('left out'));
    assert.deepEqual(
      said.map((line) => /header (\S+)/.exec(line)[1]),
      ['Cookie', 'Sec-Fetch-Site'],
    );
    assert.ok(!lines.some((line) => line.includes('hunter2')));
  });

  test('wait, hold and route count; 0 and nonsense mean the default, as in Strophe', async () => {
    const terms = async (...given) => {
      const { port } = await asked({}, (connection) => connection.connect(JID, 'x', null, ...given));
      const { wait, hold, route } = port.said('Connect')[0].Connect.bosh;
      return [wait, hold, route];
    };
    assert.deepEqual(await terms(5, 2, 'xmpp:other.example:5222'), [5, 2, 'xmpp:other.example:5222']);
    assert.deepEqual(await terms(0, 0, ''), [null, null, null]);
    assert.deepEqual(await terms('soon', -1, null), [null, null, null]);
  });

  test('what an app assigns reaches the worker with the next flush, once', async () => {
    const { connection, port } = await online({ customHeaders: { Authorization: 'a' } });
    connection.flush();
    assert.deepEqual(port.said('HttpOptions'), []);
    connection.options.customHeaders.Authorization = 'b';
    connection.options.withCredentials = true;
    connection.send('<presence xmlns="jabber:client"/>');
    await settled();
    connection.flush();
    const names = port.posted.map((message) => Object.keys(message)[0]);
    assert.ok(names.indexOf('HttpOptions') < names.indexOf('Send'), `${names}`);
    assert.deepEqual(
      port.said('HttpOptions').map((said) => said.HttpOptions),
      [{ headers: [{ name: 'Authorization', value: 'b' }], with_credentials: true, content_type: null }],
    );
  });

  test('what an app assigns reaches the worker at the end of the task, though nothing is sent', async () => {
    const options = { ...WORKER, contentType: 'text/plain' };
    const first = await online(options);
    const { connection, port } = await online(options);
    assert.deepEqual({ ...connection.options }.contentType, 'text/plain');
    connection.options.customHeaders = ['A: fresh'];
    connection.options.withCredentials = true;
    await settled();
    const expected = { headers: [{ name: 'A', value: 'fresh' }], with_credentials: true };
    assert.deepEqual(
      port.said('HttpOptions').map((said) => said.HttpOptions),
      [{ ...expected, content_type: 'text/plain' }],
    );
    connection.options.keepalive = true;
    await settled();
    assert.deepEqual(port.said('Keepalive'), [{ Keepalive: { on: true } }]);
    // Two connections may have one object.
    connection.options.contentType = 'text/other';
    await settled();
    for (const page of [first, { port }])
      assert.equal(page.port.said('HttpOptions').at(-1).HttpOptions.content_type, 'text/other');
  });

  test('options that are frozen, or computed by the app, are read at each flush', async () => {
    const frozen = await online(Object.freeze({ ...WORKER, customHeaders: ['A: 1'] }));
    frozen.connection.options.customHeaders[0] = 'A: 2';
    frozen.connection.flush();
    assert.equal(frozen.port.said('HttpOptions')[0].HttpOptions.headers[0].value, '2');
    let token = 'old';
    class Computed {
      worker = WORKER.worker;
      get customHeaders() {
        return [`A: ${token}`];
      }
    }
    const { connection, port } = await online(new Computed());
    token = 'fresh';
    connection.flush();
    assert.equal(port.said('HttpOptions')[0].HttpOptions.headers[0].value, 'fresh');
  });

  test('a token that a handler of HTTP errors assigns reaches the next attempt', async () => {
    const { connection, port } = await online();
    connection.addProtocolErrorHandler('HTTP', 401, () => (connection.options.customHeaders = ['A: fresh']));
    port.say({ HttpError: { status: 401 } });
    assert.equal(port.said('HttpOptions')[0].HttpOptions.headers[0].value, 'fresh');
  });

  test('a bad value assigned later is one error in the log, and requests are as before', async () => {
    const { connection, port } = await online();
    connection.options.customHeaders = ['no colon'];
    for (let i = 0; i < 3; i++) connection.flush();
    assert.equal(lines.filter((line) => line.includes('as before')).length, 1);
    assert.deepEqual(port.said('HttpOptions'), []);
  });

  test('sync with a worker is one warning', async () => {
    const { connection } = await online({ sync: true });
    connection.flush();
    assert.equal(lines.filter((line) => line.includes('sync')).length, 1);
  });

  test('on a WebSocket nothing of this is said', async () => {
    const connection = new Connection('wss://chat.example/ws', {
      ...WORKER,
      customHeaders: ['bad'],
      sync: true,
    });
    connection.connect(JID, 'secret', null, 60, 1);
    await settled();
    assert.equal(ports.at(-1).said('Connect')[0].Connect.bosh, null);
    assert.ok(connection._proto instanceof Websocket);
  });
});

describe('keepalive', () => {
  test('the session is kept in the format of Strophe, with each number that the worker tells', async () => {
    const { port } = await online({ keepalive: true });
    assert.deepEqual(kept(), { jid: JID, rid: 7, sid: 'S' });
    port.say(numbers(8));
    assert.deepEqual(kept(), { jid: JID, rid: 8, sid: 'S' });
    assert.deepEqual(port.said('Keepalive'), [{ Keepalive: { on: true } }]);
  });

  test('nothing is kept before the session is up, nor without the option', async () => {
    keep({ jid: JID, rid: 3, sid: 'of before' });
    const { port } = await asked({ keepalive: true });
    assert.equal(kept(), null);
    port.say(numbers(7), up('Connected', JID));
    assert.equal(kept().rid, 7);
    const without = await online();
    assert.equal(kept(), null);
    assert.deepEqual(without.port.said('Keepalive'), []);
  });

  test('the option may be assigned later, both ways, and is said anew after a redial', async () => {
    const { connection, port } = await online();
    const said = () => port.said('Keepalive').map(({ Keepalive }) => Keepalive.on);
    connection.options.keepalive = true;
    connection.flush();
    port.say(numbers(8), status('Reconnecting'), numbers(9), up('Connected', JID));
    assert.deepEqual([said(), kept().rid], [[true, true], 9]);
    connection.options.keepalive = false;
    connection.flush();
    assert.deepEqual([said(), kept()], [[true, true, false], null]);
  });

  test('logout and reset forget the session', async () => {
    const logout = await online({ keepalive: true });
    logout.port.say(status('Disconnected'));
    assert.equal(kept(), null);
    const { connection } = await online({ keepalive: true });
    connection.reset();
    assert.equal(kept(), null);
  });

  test('storage that is full is an error in the log', async () => {
    const { port } = await online({ keepalive: true });
    const { setItem } = window.Storage.prototype;
    window.Storage.prototype.setItem = () => {
      throw new DOMException('full', 'QuotaExceededError');
    };
    try {
      port.say(numbers(8));
    } finally {
      window.Storage.prototype.setItem = setItem;
    }
    assert.ok(lines.some((line) => line.includes('was not kept')));
  });
});

describe('restore', () => {
  const restore =
    (...given) =>
    (connection, callback) =>
      connection.restore(given[0], callback, ...given.slice(1));

  test('the session that was kept is asked for, with its numbers', async () => {
    keep({ jid: JID, sid: 'S', rid: 1234 });
    const { connection, statuses, port } = await asked({}, restore(undefined, 30, 2, 3));
    assert.deepEqual(port.said('AttachBosh')[0].AttachBosh.session, {
      jid: JID,
      sid: 'S',
      next: 1234,
      lowest: 1234,
      wait: 30,
      hold: 2,
      window: 3,
      inactivity: null,
    });
    assert.deepEqual([connection.restored, connection.jid, connection.domain], [true, JID, 'chat.example']);
    assert.deepEqual([connection._proto.sid, connection._proto.rid], ['S', 1234]);
    port.say(numbers(1234), up('Attached', JID));
    assert.deepEqual(statuses, [Status.ATTACHED]);
    port.say(status('Disconnected'));
    assert.equal(connection.restored, false);
  });

  test('a page of this package also leaves the lowest unanswered rid, and the terms', async () => {
    const { port } = await online({ keepalive: true });
    port.say(numbers(9, { lowest: 8, wait: 5 }));
    const next = await asked({}, restore());
    const {
      next: rid,
      lowest,
      wait,
      hold,
      window,
      inactivity,
    } = next.port.said('AttachBosh')[0].AttachBosh.session;
    assert.deepEqual([rid, lowest, wait, hold, window, inactivity], [9, 8, 5, 1, 2, 30]);
  });

  test('these terms count for the rid with which they were kept alone', async () => {
    const { port } = await online({ keepalive: true });
    port.say(numbers(9, { lowest: 8, wait: 5 }));
    // Strophe has gone on with the session.
    keep({ jid: JID, sid: 'S', rid: 20 });
    const next = await asked({}, restore());
    const { lowest, wait } = next.port.said('AttachBosh')[0].AttachBosh.session;
    assert.deepEqual([lowest, wait], [20, null]);
  });

  test('without a session to restore it throws, and nothing happens', async () => {
    for (const entry of [
      undefined,
      'garbage',
      'null',
      '7',
      '{}',
      JSON.stringify({ jid: JID, sid: 'S' }),
      JSON.stringify({ jid: JID, rid: 1 }),
      JSON.stringify({ sid: 'S', rid: 1 }),
      JSON.stringify({ jid: JID, sid: 'S', rid: 'soon' }),
      JSON.stringify({ jid: JID, sid: 'S', rid: -1 }),
      JSON.stringify({ jid: JID, sid: 'S', rid: 2 ** 53 }),
      JSON.stringify({ jid: {}, sid: [], rid: 1 }),
    ]) {
      for (const keepalive of [true, false]) {
        sessionStorage.clear();
        if (entry) sessionStorage.setItem(KEPT, entry);
        const connection = new Connection(SERVICE, { ...WORKER, keepalive });
        assert.throws(() => connection.restore(null, () => assert.fail()), NOT_RESTORABLE, entry);
        assert.equal(connection.restored, false);
      }
    }
  });

  test('the account has to be the same; its resource does not, and a domain is enough', async () => {
    for (const account of [
      JID,
      'alice@chat.example',
      'alice@chat.example/other',
      'chat.example',
      null,
      undefined,
    ]) {
      keep({ jid: JID, sid: 'S', rid: 5 });
      const { connection } = await asked({}, restore(account));
      assert.equal(connection.jid, JID);
    }
    for (const account of ['bob@chat.example', 'other.example', 'alice@other.example']) {
      keep({ jid: JID, sid: 'S', rid: 5 });
      assert.throws(() => new Connection(SERVICE, WORKER).restore(account), NOT_RESTORABLE);
    }
  });

  test('on a WebSocket it throws', () => {
    keep({ jid: JID, sid: 'S', rid: 5 });
    const connection = new Connection('wss://chat.example/ws', WORKER);
    const message = 'The "restore" method can only be used with a BOSH connection.';
    assert.throws(() => connection.restore(), { name: 'StropheSessionError', message });
  });

  test('connect in the callback of CONNFAIL is another attempt', async () => {
    keep({ jid: JID, sid: 'S', rid: 5 });
    const heard = [];
    const { port } = await asked({}, (connection) =>
      connection.restore(JID, (status) => {
        heard.push(status);
        if (status === Status.CONNFAIL) connection.connect(JID, 'secret', (status) => heard.push(status));
      }),
    );
    port.say(status('ConnFail'), status('Disconnected'));
    await settled();
    ports.at(-1).say(up('Connected', JID));
    assert.deepEqual(heard, [Status.CONNFAIL, Status.CONNECTING, Status.CONNECTED]);
  });
});

describe('attach', () => {
  const attach =
    (...given) =>
    (connection, callback) =>
      connection.attach(...given.slice(0, 3), callback, ...given.slice(3));

  test('a session of the app is asked for, with its terms', async () => {
    const { statuses, port, connection } = await asked({}, attach(JID, 'S', '77', 10, 1, 5));
    const { session, service } = port.said('AttachBosh')[0].AttachBosh;
    assert.deepEqual(
      [service, session.jid, session.sid, session.next, session.wait, session.hold, session.window],
      [SERVICE, JID, 'S', 77, 10, 1, 5],
    );
    port.say(numbers(77), up('Attached', JID));
    assert.deepEqual([statuses, connection.restored], [[Status.ATTACHED], false]);
  });

  test('a rid that is none, and a sid that is none, are CONNFAIL in words', async () => {
    for (const [sid, rid] of [
      ['S', 'soon'],
      ['S', 0],
      ['S', -1],
      ['S', 1.5],
      ['S', NaN],
      ['S', 2 ** 53],
      ['S', undefined],
      ['', 1],
      [undefined, 1],
    ]) {
      const { statuses } = await asked({}, attach(JID, sid, rid));
      assert.deepEqual(
        statuses.map(([code]) => code),
        [Status.CONNFAIL, Status.DISCONNECTED],
        `${sid} ${rid}`,
      );
      assert.match(statuses[0][1], /rid as a whole number/);
    }
  });
});

describe('what apps read', () => {
  test('_proto is of the class that the service asks for, and shows how the session stands', async () => {
    const { connection, port } = await online();
    const { _proto } = connection;
    assert.ok(_proto instanceof Bosh);
    const { sid, rid, wait, hold, window, inactivity, errors, lastResponseHeaders, _requests } = _proto;
    assert.deepEqual(
      [sid, rid, wait, hold, window, inactivity, errors, lastResponseHeaders, _requests],
      ['S', 7, 60, 1, 2, 30, 0, null, []],
    );
    _proto.rid = 99;
    assert.equal(_proto.rid, 7);
    assert.ok(lines.some((line) => line.includes('_proto.rid was assigned')));
    port.say({ HttpError: { status: 502 } });
    assert.equal(_proto.errors, 1);
    port.say(numbers(8));
    assert.equal(_proto.errors, 0);
  });

  test("before a session there is a random rid, and Strophe's defaults", () => {
    const [one, other] = [new Bosh(), new Bosh()];
    assert.notEqual(one.rid, other.rid);
    assert.deepEqual([one.sid, one.wait, one.hold, one.window, one.strip], [null, 60, 1, 5, false]);
  });

  test('the class follows a service that is assigned, as apps do to fail over', async () => {
    const { connection } = await online();
    connection._proto._doDisconnect();
    connection._proto = new Websocket(connection);
    connection.service = 'wss://chat.example/ws';
    connection.connect(JID, 'secret');
    await settled();
    const port = ports.at(-1);
    assert.equal(port.said('Connect').at(-1).Connect.service, 'wss://chat.example/ws');
    assert.equal(port.said('Connect').at(-1).Connect.bosh, null);
    port.say(up('Connected', JID));
    connection.service = SERVICE;
    connection.connect(JID, 'secret');
    await settled();
    assert.ok(connection._proto instanceof Bosh);
    assert.equal(ports.at(-1).said('Connect').at(-1).Connect.service, SERVICE);
  });

  test('nextValidRid hears each new number once, and a random one when the session is over', async () => {
    const heard = [];
    const { connection, port } = await asked({}, (connection, callback) => {
      connection.nextValidRid = (rid) => heard.push(rid);
      connection.connect(JID, 'secret', callback);
    });
    port.say(numbers(7), up('Connected', JID), numbers(8), numbers(8), { HttpError: { status: 0 } });
    assert.deepEqual(heard, [7, 8]);
    // The worker tells every number to those who keep it.
    assert.deepEqual(port.said('Keepalive'), [{ Keepalive: { on: true } }]);
    assert.equal(kept(), null);
    connection.reset();
    assert.equal(heard.length, 3);
    assert.deepEqual([heard[2], connection._proto.sid], [connection._proto.rid, null]);
  });

  test('handlers of HTTP errors hear their status alone', async () => {
    const { connection, port } = await online();
    const heard = [];
    for (const code of [0, 401, 500])
      connection.addProtocolErrorHandler('HTTP', code, (code) => heard.push(code));
    connection.addProtocolErrorHandler('websocket', 502, () => assert.fail());
    for (const status of [401, 502, 500, 0]) port.say({ HttpError: { status } });
    assert.deepEqual(heard, [401, 500, 0]);
  });

  test('hooks see a body around each stanza, with strip the stanza alone, as handlers do', async () => {
    for (const strip of [false, true, 'body']) {
      const { connection, port } = await asked({}, (connection) => {
        for (const hook of ['rawInput', 'rawOutput']) connection[hook] = (text) => heard.push(text);
        for (const hook of ['xmlInput', 'xmlOutput'])
          connection[hook] = ({ tagName, firstElementChild }) =>
            heard.push(`${tagName} ${firstElementChild?.tagName}`);
        connection._proto.strip = strip;
        connection.connect(JID, 'secret');
      });
      const heard = [];
      port.say(numbers(7), up('Connected', JID));
      connection.addHandler(({ tagName, parentElement }) =>
        heard.push(`handler ${tagName} ${parentElement}`),
      );
      await settled();
      const claims = port.said('Claim').flatMap(({ Claim }) => Claim.claims);
      port.say({ Claimed: { claims: claims.map(({ id }) => ({ claim: id, stanzas: [] })) } });
      port.say([1, '<message xmlns="jabber:client"/>']);
      connection.send('<presence xmlns="jabber:client"/>');
      const body = (attributes, stanza) =>
        strip
          ? stanza
          : `<body xmlns="http://jabber.org/protocol/httpbind"${attributes} sid="S">${stanza}</body>`;
      assert.deepEqual(heard, [
        body('', '<message xmlns="jabber:client"/>'),
        strip ? 'message undefined' : 'body message',
        'handler message null',
        body(' rid="7"', '<presence xmlns="jabber:client"/>'),
        strip ? 'presence undefined' : 'body presence',
      ]);
    }
  });

  test('strip on the prototype is for all connections to come', () => {
    Bosh.prototype.strip = true;
    assert.equal(new Connection(SERVICE)._proto.strip, true);
    delete Bosh.prototype.strip;
    assert.equal(new Connection(SERVICE)._proto.strip, false);
  });
});

test("a session is one page's: another waits a little, and is refused in words", async () => {
  const { claim } = await load('client-shim/ts/epode-bosh.ts');
  const holders = new Set();
  navigator.locks.request = (name, { signal }, held) => {
    if (!holders.has(name)) return (void holders.add(name), Promise.resolve(held()));
    return new Promise((_, refused) => signal.addEventListener('abort', () => refused(signal.reason)));
  };
  await claim('S');
  await claim('T');
  assert.deepEqual([...holders], ['epode-bosh S', 'epode-bosh T']);
  await assert.rejects(claim('S'), { message: /^another tab has this session/ });
});
