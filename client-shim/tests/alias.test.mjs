// What apps of Strophe rely on, asked of Strophe 5 and of this package where both can answer.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { readFile } from 'node:fs/promises';
import { load } from './load.mjs';
import { Connection, epode, online, ports, settled, sink, Status, status, up, window } from './page.mjs';

const strophe = await import('../../node_modules/strophe.js/dist/strophe.esm.js');

const { CONNECTING, AUTHFAIL, CONNECTED, DISCONNECTED, DISCONNECTING, RECONNECTING } = Status;
const SERVICE = 'wss://chat.example/ws';
const WORKER = { worker: '/epode-worker.js' };
const JID = 'alice@chat.example';

beforeEach(() => (sink.log = () => {}));
afterEach(() => (Connection.defaults.reconnect = true));

/** A connection that has asked for a login, its statuses so far, and its port. */
async function asked(options = WORKER, jid = JID) {
  const former = new Set(ports);
  const connection = new Connection(SERVICE, options);
  const heard = [];
  connection.connect(jid, 'secret', (status, condition) => heard.push([status, condition]));
  // The first load of a script takes its time.
  const isDone = (port) => port && !former.has(port) && port.said('Connect').length > 0;
  for (let i = 0; i < 100 && !isDone(ports.at(-1)); i++) await settled();
  return { connection, heard, statuses: () => heard.map(([status]) => status), port: ports.at(-1) };
}

/** The page goes into the back/forward cache and is restored. */
function goAndComeBack() {
  for (const name of ['pagehide', 'pageshow']) {
    const event = new window.Event(name);
    Object.defineProperty(event, 'persisted', { value: true });
    window.dispatchEvent(event);
  }
}

describe('stanzas as text', () => {
  const appended = (builder, child) => {
    builder.node.append(child);
    return builder;
  };
  for (const [what, build] of Object.entries({
    'attributes in the order of their names': ({ $iq }) =>
      $iq({ type: 'set', to: 'bob@chat.example', id: '1' })
        .c('query', { xmlns: 'jabber:iq:roster', ver: '7', 'xml:lang': 'en' })
        .c('item', { name: 'B', jid: 'bob@chat.example', ask: 'a' }),
    'attributes that were set later': ({ $pres }) => $pres({ to: 'a@b' }).attrs({ from: 'c@d', id: '5' }),
    'a child that the page made': ({ $msg }) => {
      const body = document.createElement('body');
      body.setAttribute('lang', 'en');
      body.append('hi', document.createElement('b'));
      return appended($msg({ to: 'a@b' }), body);
    },
    'a copy of what the page made, and a child of that': ({ $msg }) =>
      $msg({ to: 'a@b' }).cnode(document.createElement('x')).c('y'),
    'a stanza that the page made': ({ $build }) => $build('a').cnode(document.createElement('message')),
    'XHTML that says so': ({ $msg }) =>
      $msg()
        .c('html', { xmlns: 'http://jabber.org/protocol/xhtml-im' })
        .c('body', { xmlns: 'http://www.w3.org/1999/xhtml' })
        .cnode(document.createElement('p'))
        .t('hi'),
  })) {
    test(`${what}: as Strophe writes them`, () => {
      const expected = build(strophe).toString();
      assert.equal(build(epode).toString(), expected);
      const builder = build(epode);
      builder.tree();
      assert.equal(builder.toString(), expected, 'from an element');
      assert.equal(epode.serialize(builder.tree()), expected);
    });
  }

  test('a message that the page made is sent in the namespace of stanzas', async () => {
    const { connection, port } = await online();
    const message = document.createElement('message');
    message.append(document.createElement('body'));
    void connection.send(message);
    await settled();
    assert.deepEqual(
      port.said('Send').flatMap(({ Send }) => Send.stanzas.map(({ text }) => text)),
      ['<message><body/></message>'],
    );
    connection.reset();
  });

  test('an app may choose the current element', () => {
    for (const { $build } of [strophe, epode]) {
      const builder = $build('a').c('b').c('c');
      builder.node = builder.tree().firstChild;
      assert.equal(builder.c('d').root().c('e').toString(), '<a><b><c/><d/></b><e/></a>');
    }
  });
});

describe('an app that connects again by itself', () => {
  const alone = { ...WORKER, reconnect: false };

  test('says so by an option, or by the default for all of its connections', async () => {
    const told = async (options) => {
      const { connection, port } = await asked(options);
      connection.reset();
      return port.said('Connect')[0].Connect.options.reconnect;
    };
    assert.equal(await told(WORKER), true);
    assert.equal(await told(alone), false);
    Connection.defaults.reconnect = false;
    assert.equal(await told(WORKER), false);
    assert.equal(await told({ ...WORKER, reconnect: true }), true);
  });

  test('hears DISCONNECTED where others hear RECONNECTING, and can come back', async () => {
    const { connection, heard, statuses, port } = await asked(alone);
    port.say(up('Connected'));
    let answer = 'none';
    connection.sendIQ(epode.$iq({ type: 'get' }), null, (error) => (answer = error));
    await settled();
    const lost = status('Reconnecting', 'the connection was lost');
    port.say(lost, up('Connected'));
    await settled();
    assert.deepEqual(heard.slice(1), [
      [CONNECTED, null],
      [DISCONNECTED, 'the connection was lost'],
    ]);
    assert.ok(port.posted.includes('Leave') && port.closed, 'it waits for nothing more');
    assert.deepEqual([connection.connected, connection.authenticated, answer], [false, false, null]);
    connection.connect(JID, connection.pass, connection.connect_callback);
    await settled();
    assert.equal(ports.at(-1).said('Connect')[0].Connect.credentials.password, 'secret');
    ports.at(-1).say(lost, up('Attached'));
    assert.deepEqual(statuses().slice(3), [CONNECTING, Status.ATTACHED], 'it was on its way already');
    connection.reset();
  });

  test('hears BINDREQUIRED in each login if it binds itself, with a session that is bound, too', async () => {
    const { BINDREQUIRED, ATTACHED } = Status;
    const { connection, statuses, port } = await asked({ ...alone, explicitResourceBinding: true });
    const known = [];
    const { connect_callback } = connection;
    const lines = [];
    sink.log = (_level, line) => lines.push(line);
    const note = (status) => {
      connect_callback(status);
      if (status === BINDREQUIRED) known.push(connection.features?.tagName, connection.authenticated);
    };
    connection.connect_callback = note;
    port.say(up('Connected'));
    assert.deepEqual(
      statuses(),
      [CONNECTING, BINDREQUIRED, CONNECTED],
      'it was resumed, or another opened it',
    );
    // Converse asks later.
    connection.bind();
    for (const name of ['Connected', 'Attached']) {
      ports.at(-1).say(status('Reconnecting', 'the connection was lost'));
      const count = statuses().length;
      if (name === 'Connected') connection.connect(JID, 'secret', note);
      else connection.attach(note);
      await settled();
      ports.at(-1).say(up(name));
      const came = name === 'Connected' ? [CONNECTING, BINDREQUIRED, CONNECTED] : [BINDREQUIRED, ATTACHED];
      assert.deepEqual(statuses().slice(count), came);
      connection.bind();
      assert.deepEqual(ports.at(-1).said('Bind'), []);
    }
    assert.deepEqual(known, Array(3).fill(['stream:features', false]).flat());
    assert.deepEqual(
      lines.filter((line) => line.includes('bind')),
      [],
    );
    connection.bind();
    assert.match(lines.at(-1), /bind was called/);
    connection.reset();
  });

  test('hears no BINDREQUIRED when it joins for the first time without a login', async () => {
    const connection = new Connection(SERVICE, { ...alone, explicitResourceBinding: true });
    const heard = [];
    connection.attach((status) => heard.push(status));
    await settled();
    ports.at(-1).say(up('Attached'));
    assert.deepEqual(heard, [Status.ATTACHED]);
    connection.reset();
  });

  test('hears DISCONNECTED when its page comes back from the back/forward cache', async () => {
    const { connection, statuses, port } = await asked(alone);
    port.say(up('Connected'));
    goAndComeBack();
    await settled();
    assert.deepEqual(statuses(), [CONNECTING, CONNECTED, DISCONNECTED]);
    assert.equal(ports.at(-1), port, 'nobody else connects');
    connection.connect(JID, 'secret', connection.connect_callback);
    goAndComeBack();
    await settled();
    assert.deepEqual(statuses().slice(3), [CONNECTING], 'one that was on its way goes on');
    assert.equal(ports.at(-1).said('Connect').length, 1);
    connection.reset();
  });

  test('does not undo the logout of another tab, and is let in after a while', async (t) => {
    const erin = 'erin@chat.example';
    let now = performance.now();
    const { connection, heard, port } = await asked(alone, erin);
    port.say(up('Connected', `${erin}/desk`));
    t.mock.method(performance, 'now', () => now);
    port.say(status('Disconnecting'), status('Disconnected'));
    const connect = async (at = connection, jid = erin) => {
      heard.length = 0;
      at.connect(jid, 'secret', (status, condition) => heard.push([status, condition]));
      // The clock stands still.
      await new Promise((later) => setTimeout(later, 30));
      return heard.map(([status]) => status);
    };
    assert.deepEqual(await connect(), [CONNECTING, AUTHFAIL, DISCONNECTED]);
    assert.match(heard[1][1], /another tab has logged out of this account.* in 10 s/);
    assert.equal(connection.pass, null);
    const second = new Connection(SERVICE, alone);
    assert.deepEqual(
      await connect(second),
      [CONNECTING, AUTHFAIL, DISCONNECTED],
      'nor by another connection',
    );
    assert.deepEqual(await connect(second, 'carol@chat.example'), [CONNECTING]);
    second.reset();
    const dialled = new Connection(SERVICE, WORKER);
    assert.deepEqual(await connect(dialled), [CONNECTING], 'who does not connect by itself is a person');
    dialled.reset();
    now += 9_900;
    assert.deepEqual(await connect(), [CONNECTING, AUTHFAIL, DISCONNECTED]);
    assert.match(heard[1][1], / in 1 s/);
    now += 100;
    assert.deepEqual(await connect(), [CONNECTING]);
    connection.reset();
  });

  test('does not undo a logout while it is out, or on its way back', async () => {
    for (const joins of [false, true]) {
      const jid = `out-${joins}@chat.example`;
      const { connection, heard, statuses, port } = await asked(alone, jid);
      port.say(up('Connected', `${jid}/desk`), status('Disconnected', 'the connection was lost'));
      const connect = () => connection.connect(jid, 'secret', connection.connect_callback);
      if (joins) connect();
      await settled();
      heard.length = 0;
      port.say(status('Disconnecting'));
      assert.deepEqual(statuses(), joins ? [DISCONNECTING] : []);
      if (joins) port.say(status('Disconnected'));
      assert.deepEqual([connection.pass, connection.disconnecting], [null, false]);
      heard.length = 0;
      connect();
      await settled();
      assert.deepEqual(statuses(), [CONNECTING, AUTHFAIL, DISCONNECTED]);
      connection.reset();
    }
    // Nor is one kept out that was never in.
    const { connection, statuses, port } = await asked(alone, 'never@chat.example');
    port.say(status('Disconnecting'), status('Disconnected'));
    connection.connect('never@chat.example', 'secret', connection.connect_callback);
    await settled();
    assert.ok(!statuses().includes(AUTHFAIL));
    connection.reset();
  });

  test('may log in at once after a logout of its own, and after an attempt that it gave up', async () => {
    const { connection, statuses, port } = await asked(alone, 'dave@chat.example');
    connection.disconnect();
    port.say(status('Disconnecting'), status('Disconnected'));
    const again = async () => {
      connection.connect('dave@chat.example', 'secret', connection.connect_callback);
      await settled();
      return ports.at(-1);
    };
    const next = await again();
    next.say(up('Connected', 'dave@chat.example/desk'));
    connection.disconnect();
    next.say(status('Disconnecting'), status('Disconnected'));
    await again();
    assert.ok(!statuses().includes(AUTHFAIL), statuses().join());
    assert.equal(statuses().at(-1), CONNECTING);
    assert.ok(!statuses().includes(RECONNECTING) && statuses().includes(DISCONNECTING));
    connection.reset();
  });
});

describe('fields of a connection', () => {
  test('mechanisms are those that may be used, by their names', async () => {
    class Voucher extends epode.SASLMechanism {
      constructor() {
        super('X-VOUCHER', true, 80);
      }
    }
    const names = ({ mechanisms }) => Object.keys(mechanisms).sort();
    assert.deepEqual(names(new Connection(SERVICE)), names(new strophe.Strophe.Connection(SERVICE)));
    const { SASLPlain, SASLSHA1 } = epode;
    const connection = new Connection(SERVICE, { ...WORKER, mechanisms: [SASLPlain, SASLSHA1] });
    assert.deepEqual(names(connection), ['PLAIN', 'SCRAM-SHA-1']);
    connection.registerSASLMechanism(Voucher);
    assert.ok(connection.mechanisms['X-VOUCHER'] instanceof Voucher);
    delete connection.mechanisms.PLAIN;
    connection.mechanisms['SCRAM-SHA-1'].priority = 99;
    connection.connect(JID, 'secret');
    await settled();
    const { mechanisms, own_mechanisms } = ports.at(-1).said('Connect')[0].Connect.options;
    assert.deepEqual(mechanisms, [{ name: 'SCRAM-SHA-1', priority: 99 }]);
    assert.deepEqual(own_mechanisms, [{ name: 'X-VOUCHER', priority: 80 }]);
    connection.reset();
  });

  test('pass is what was given to connect, and nobody lists it', async () => {
    const { connection } = await online();
    assert.equal(connection.pass, 'secret');
    assert.doesNotMatch(JSON.stringify([connection, { ...connection }]), /secret/);
    assert.ok(!Object.keys(connection).includes('pass'));
    connection.pass = 'other';
    assert.equal(connection.pass, 'other');
    const keys = { name: 'SHA-1', iter: 4096, salt: 'c2FsdA==', ck: 'Y2s=', sk: 'c2s=' };
    connection.connect(JID, keys);
    assert.equal(connection.pass, keys);
    connection.connect(JID);
    assert.equal(connection.pass, null);
    connection.reset();
  });

  test('pass is gone with the session, unless its app connects again after a loss', async () => {
    let users = 0;
    const error = (condition) => [status('Error', null, condition), status('Disconnected')];
    for (const [messages, ofWorker, ofApp] of [
      [[status('Reconnecting')], 'secret', 'secret'],
      [[status('Disconnected')], null, 'secret'],
      // The connection was silent.
      [error(null), null, 'secret'],
      [error('system-shutdown'), null, 'secret'],
      // Over BOSH, of a computer that slept for longer than the server waits.
      [error('item-not-found'), null, 'secret'],
      [error('resource-constraint'), null, 'secret'],
      [error('conflict'), null, null],
      [[status('Disconnecting')], null, null],
      [[status('AuthFail')], null, null],
    ]) {
      for (const [reconnect, kept] of [
        [true, ofWorker],
        [false, ofApp],
      ]) {
        // An app that connects again does not undo the logout of another row.
        const jid = `user${++users}@chat.example`;
        const { connection, port } = await asked({ ...WORKER, reconnect }, jid);
        port.say(up('Connected', `${jid}/desk`));
        port.say(...messages);
        await settled();
        assert.equal(connection.pass, kept, JSON.stringify([reconnect, messages]));
        connection.reset();
        assert.equal(connection.pass, null);
      }
    }
  });

  test('pass is gone with an attempt, unless that is for a session that was lost', async () => {
    const failed = [status('ConnFail', 'nobody is there'), status('Disconnected')];
    const frank = 'frank@chat.example';
    const { connection, port } = await asked({ ...WORKER, reconnect: false }, frank);
    port.say(...failed);
    assert.equal(connection.pass, null);
    for (const [jid, kept] of [
      ['Frank@chat.example', 'again'],
      ['grace@chat.example', null],
    ]) {
      connection.connect(frank, 'secret');
      await settled();
      ports.at(-1).say(up('Connected', `${frank}/desk`), status('Reconnecting', 'the connection was lost'));
      await settled();
      assert.equal(connection.pass, 'secret');
      connection.connect(jid, 'again');
      await settled();
      ports.at(-1).say(...failed);
      assert.equal(connection.pass, kept);
    }
    connection.reset();
  });

  test('the socket of a transport is open while there is a connection', async () => {
    const { connection, port } = await online();
    assert.equal(connection._proto.socket.readyState, window.WebSocket.OPEN);
    port.say(status('Reconnecting'));
    assert.equal(connection._proto.socket, null);
    port.say(up('Connected'));
    assert.equal(connection._proto.socket?.readyState, 1);
    connection.reset();
    assert.equal(connection._proto.socket, null);
    assert.equal(new epode.Websocket().socket, null);
  });

  test('setProtocol makes the transport follow the service', () => {
    const connection = new Connection(SERVICE);
    connection.service = 'https://chat.example/http-bind';
    assert.ok(connection._proto instanceof epode.Websocket);
    connection.setProtocol();
    assert.ok(connection._proto instanceof epode.Bosh);
  });
});

describe('the methods of the nine mechanisms', () => {
  const connections = [
    { authcid: 'alice', authzid: JID, domain: 'chat.example', pass: 'secret' },
    { authcid: 'carol', authzid: JID, domain: 'chat.example', pass: 'secret' },
    { authcid: JID, authzid: JID, domain: 'chat.example', pass: 'secret' },
    { authcid: null, authzid: 'chat.example', domain: 'chat.example', pass: 'token' },
  ];
  for (const name of ['SASLPlain', 'SASLOAuthBearer', 'SASLXOAuth2', 'SASLExternal']) {
    test(`${name} says what Strophe's does`, async () => {
      const [own, theirs] = [new epode[name](), new strophe.Strophe[name]()];
      for (const connection of connections) {
        const expected = await theirs.onChallenge(connection);
        assert.equal(await own.onChallenge(connection), expected);
        assert.equal(await own.clientChallenge(connection), expected);
      }
    });
  }

  test('the text before base64 is not bytes yet', () => {
    const message = new epode.SASLPlain().onChallenge({ ...connections[0], pass: 'pässword' });
    assert.equal(message, '\0alice\0pässword');
  });

  test('OAUTHBEARER answers the reason of a refusal with the dummy of RFC 7628', () => {
    assert.equal(new epode.SASLOAuthBearer().onChallenge(connections[0], '{"status":"401"}'), '\x01');
  });

  // RFC 5802 §5 and RFC 7677 §3.
  const CHALLENGES = {
    SASLSHA1: {
      nonce: 'fyko+d2lbbFgONRv9qkxdawL',
      challenge: 'r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096',
      proof: 'v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=',
      signature: 'rmF9pqV8S7suAoZWja4dJRkFsKQ=',
    },
    SASLSHA256: {
      nonce: 'rOprNGfwEbeRWgbNEkqO',
      challenge: 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
      proof: 'dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
      signature: '6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
    },
  };
  const user = { authcid: 'user', pass: 'pencil' };

  for (const [name, { nonce, challenge, proof, signature }] of Object.entries(CHALLENGES)) {
    test(`${name} proves the password as its RFC has it`, async () => {
      const mechanism = new epode[name]();
      assert.equal(mechanism.clientChallenge(user, nonce), `n,,n=user,r=${nonce}`);
      const [r] = challenge.split(',');
      assert.equal(await mechanism.onChallenge(user, challenge), `c=biws,${r},p=${proof}`);
      assert.equal(await mechanism.onChallenge(user, `v=${signature}`), '');
      await assert.rejects(mechanism.onChallenge(user, 'v=AAAA'), /does not prove/);
    });
  }

  for (const name of ['SASLSHA1', 'SASLSHA256', 'SASLSHA384', 'SASLSHA512']) {
    test(`${name} says what Strophe's does, with a password and with its keys`, async () => {
      const [own, theirs] = [new epode[name](), new strophe.Strophe[name]()];
      const connection = { ...user, _sasl_data: {} };
      const nonce = 'abc';
      assert.equal(own.clientChallenge(connection, nonce), theirs.clientChallenge(connection, nonce));
      const challenge = 'r=abcdef,s=QSXCR+Q6sek8bf92,i=4096';
      const expected = await theirs.onChallenge(connection, challenge);
      assert.equal(await own.onChallenge(connection, challenge), expected);
      const { keys } = connection._sasl_data;
      assert.equal(await own.onChallenge({ ...connection, pass: keys }, challenge), expected);
      const outdated = { ...keys, salt: 'AAAA' };
      await assert.rejects(own.onChallenge({ ...connection, pass: outdated }, challenge), /another salt/);
    });
  }

  test('user names are escaped, and passwords compared in one form', async () => {
    const mechanism = new epode.SASLSHA256();
    assert.equal(mechanism.clientChallenge({ authcid: 'a=b,c=' }, 'abc'), 'n,,n=a=3Db=2Cc=3D,r=abc');
    const challenge = 'r=abcdef,s=QSXCR+Q6sek8bf92,i=4096';
    const proofs = ['fi', '\ufb01'].map((pass) => mechanism.onChallenge({ pass }, challenge));
    assert.equal(await proofs[0], await proofs[1]);
  });

  test('a challenge that is none is not answered', async () => {
    const mechanism = new epode.SASLSHA256();
    await assert.rejects(mechanism.onChallenge(user, 'r=a,s=QSXCR+Q6sek8bf92,i=4096'), /begins with/);
    mechanism.clientChallenge(user, 'abc');
    for (const challenge of [
      '',
      'r=xbcdef,s=QSXCR+Q6sek8bf92,i=4096',
      'r=abcdef,s=QSXCR+Q6sek8bf92,i=1000',
      'r=abcdef,s=QSXCR+Q6sek8bf92,i=many',
      'r=abcdef,s=,i=4096',
      'm=new,r=abcdef,s=QSXCR+Q6sek8bf92,i=4096',
    ])
      await assert.rejects(mechanism.onChallenge(user, challenge), /not one of SCRAM/, challenge);
  });

  test('a subclass that calls the method that it overrides runs in its page', async () => {
    const said = [];
    class Probe extends epode.SASLOAuthBearer {
      onChallenge(connection, challenge) {
        said.push(challenge);
        return super.onChallenge(connection, challenge);
      }
    }
    class Copy extends epode.SASLMechanism {
      constructor() {
        super('X-COPY', true, 90);
      }
    }
    Copy.prototype.onChallenge = epode.SASLPlain.prototype.onChallenge;
    const { connection, port } = await asked({ ...WORKER, mechanisms: [Probe, Copy, epode.SASLSHA1] });
    const { mechanisms, own_mechanisms } = port.said('Connect')[0].Connect.options;
    assert.deepEqual(own_mechanisms, [
      { name: 'OAUTHBEARER', priority: 40 },
      { name: 'X-COPY', priority: 90 },
    ]);
    assert.deepEqual(mechanisms, [{ name: 'SCRAM-SHA-1', priority: 60 }]);
    for (const [mechanism, challenge] of [
      ['OAUTHBEARER', null],
      ['OAUTHBEARER', '{"status":"401"}'],
      ['X-COPY', null],
    ])
      port.say({ SaslChallenge: { exchange: 1, mechanism, challenge } });
    await settled();
    assert.deepEqual(
      port.said('SaslResponse').map(({ SaslResponse }) => SaslResponse.response),
      [`n,a=${JID},\x01auth=Bearer secret\x01\x01`, '\x01', '\0alice\0secret'],
    );
    assert.deepEqual(said, [undefined, '{"status":"401"}']);
    connection.reset();
  });
});

test('docs/alias.md names what is not there', async () => {
  const here = await load('client-shim/ts/index.ts');
  const docs = await readFile(new URL('../../docs/alias.md', import.meta.url), 'utf8');
  const [theirs, ours] = [strophe.Strophe, here.Strophe];
  const named = (of) => Object.getOwnPropertyNames(of).filter((name) => !/^_|^default$/.test(name));
  const absent = (of, at) => named(of).filter((name) => !(name in at));
  const classes = ['Connection', 'Builder', 'Stanza', 'Handler', 'TimedHandler', 'SASLMechanism'];
  const names = [
    ...absent(theirs, ours),
    ...absent(strophe, here),
    ...absent(new theirs.Connection(SERVICE), new ours.Connection(SERVICE)),
    ...classes.flatMap((name) => [
      ...absent(theirs[name], ours[name]),
      ...absent(theirs[name].prototype, ours[name].prototype),
    ]),
  ];
  assert.ok(names.includes('addProtocol') && names.length > 30);
  assert.deepEqual(
    names.filter((name) => !docs.match(`\\b${name}\``)),
    [],
  );
});
