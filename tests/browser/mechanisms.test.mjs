// Every mechanism: on a server that offers it, or on a scripted one. The credentials are a
// password, keys or a token. See options.test.mjs for the option `mechanisms`.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { startEjabberd } from '../servers/ejabberd.mjs';
import { startScripted } from './scripted.mjs';
import { Stage } from './stage.mjs';

/**
 * Connects with these mechanisms only, given by the names of their classes; the page keeps the
 * `scram_keys` that it has when the session comes up.
 */
function connect(tab, mechanisms, jid, pass, authcid) {
  return tab.evaluate(
    async (service, mechanisms, jid, pass, authcid) => {
      const classes = await import('/epode.js');
      const options = mechanisms && { mechanisms: mechanisms.map((name) => classes[name]) };
      const connection = window.make(service, options);
      heard.statuses.length = 0;
      const onStatus = (status, ...why) => {
        if (status === classes.Status.CONNECTED || status === classes.Status.ATTACHED)
          window.keys = connection.scram_keys;
        window.onStatus(status, ...why);
      };
      connection.connect(jid, pass, onStatus, undefined, undefined, undefined, authcid);
    },
    tab.service,
    mechanisms,
    jid,
    pass,
    authcid,
  );
}

/** The last login in these frames: the mechanism and the initial response. */
function spoken(frames) {
  const [, name, said] = /^<auth .*mechanism=["']([^"']*)["'][^>]*?(?:\/>|>([^<]*)<)/.exec(
    frames.findLast((text) => text.startsWith('<auth')),
  );
  return [name, said === '=' ? '=' : Buffer.from(said ?? '', 'base64').toString()];
}

const logins = (scene) => spoken(scene.wire.connections.flatMap((connection) => connection.texts('client')));
const failure = async (tab, status = 'AUTHFAIL') => {
  const { condition, reason } = await tab.status(status);
  assert.equal((await tab.status('DISCONNECTED')).reason, reason);
  return { condition, reason };
};
const disconnect = async (tab) => {
  await tab.evaluate(() => connection.disconnect());
  await tab.status('DISCONNECTED');
};

describe('in chromium, on Prosody', () => {
  let stage;
  before(async () => (stage = await Stage.open('chromium')));
  after(() => stage?.close());

  for (const [classname, name, hash] of [
    ['SASLSHA256', 'SCRAM-SHA-256', 'SHA-256'],
    ['SASLSHA1', 'SCRAM-SHA-1', 'SHA-1'],
    ['SASLPlain', 'PLAIN', undefined],
  ]) {
    test(`${classname} alone logs in by ${name}`, async (t) => {
      const scene = await stage.scene(t);
      const tab = await scene.open();
      await connect(tab, [classname], scene.jid, scene.password);
      assert.equal(await tab.up(), 'CONNECTED');
      assert.equal(logins(scene)[0], name);
      assert.equal((await tab.evaluate(() => window.keys))?.name, hash);
    });
  }

  test('no common mechanism is CONNFAIL with no-auth-mech, and no credential is sent', async (t) => {
    const scene = await stage.scene(t);
    const tab = await scene.open();
    await connect(tab, ['SASLSHA512', 'SASLExternal'], scene.jid, scene.password);
    assert.equal((await failure(tab, 'CONNFAIL')).condition, 'no-auth-mech');
    assert.equal(scene.logins(), 0);
  });

  test('keys log in again without the password, and only tabs with the password have them', async (t) => {
    const scene = await stage.scene(t);
    const jid = await stage.server.register(scene.user, scene.password, 'hashed.localhost');
    const [tab, joining, attaching] = [await scene.open(), await scene.open(), await scene.open()];
    await connect(tab, undefined, jid, scene.password);
    await tab.up();
    const keys = await tab.evaluate(() => window.keys);
    assert.deepEqual(Object.keys(keys).sort(), ['ck', 'iter', 'name', 'salt', 'sk']);
    assert.equal(keys.name, 'SHA-256');
    assert.equal(typeof keys.iter, 'number');
    await connect(joining, undefined, jid, scene.password);
    await joining.up();
    assert.deepEqual(await joining.evaluate(() => window.keys), keys);
    await attaching.attach();
    await attaching.up();
    assert.equal(await attaching.evaluate(() => connection.scram_keys), null);

    await disconnect(tab);
    await connect(tab, undefined, jid, keys);
    assert.equal(await tab.up(), 'CONNECTED');
    assert.deepEqual(await tab.evaluate(() => window.keys), keys);
    // The session was opened with keys: the server has to confirm that the password is as good.
    await connect(joining, undefined, jid, scene.password);
    assert.equal(await joining.up(), 'ATTACHED');
    await connect(attaching, undefined, jid, { ...keys, ck: keys.sk });
    assert.equal((await failure(attaching)).condition, 'not-authorized');
  });

  test('keys for another salt, and malformed keys, are AUTHFAIL with their own conditions', async (t) => {
    const scene = await stage.scene(t);
    const tab = await scene.open();
    await connect(tab, undefined, scene.jid, scene.password);
    await tab.up();
    const keys = await tab.evaluate(() => window.keys);
    await disconnect(tab);
    // This host changes the salt at each login.
    await connect(tab, undefined, scene.jid, keys);
    assert.equal((await failure(tab)).condition, 'scram-keys-outdated');
    await connect(tab, undefined, scene.jid, { name: 'SHA-256' });
    assert.equal((await failure(tab)).condition, 'scram-keys-malformed');
  });

  test("a token logs in by OAUTHBEARER; the server's refusal reaches the app as JSON", async (t) => {
    const scene = await stage.scene(t);
    const [tab, other] = [await scene.open(), await scene.open()];
    const jid = `${scene.user}@oauth.localhost`;
    await connect(tab, undefined, jid, `token-${scene.user}`);
    assert.equal(await tab.up(), 'CONNECTED');
    assert.deepEqual(logins(scene), [
      'OAUTHBEARER',
      `n,a=${jid},\x01auth=Bearer token-${scene.user}\x01\x01`,
    ]);

    await connect(other, undefined, jid, 'stolen');
    const { condition, reason } = await failure(other);
    assert.equal(condition, 'not-authorized');
    assert.deepEqual(JSON.parse(reason.slice(reason.indexOf('{'))), {
      status: 'invalid_token',
      scope: 'xmpp',
    });
    // This server accepts a token whatever the user name.
    await connect(other, undefined, jid, 'token-mallory');
    assert.equal((await failure(other)).condition, 'invalid-authzid');
    assert.deepEqual(
      (await stage.server.sessions()).map((session) => session.jid).filter((jid) => jid.includes('oauth'))
        .length,
      1,
    );
  });

  test('ANONYMOUS logs in without a user name', async (t) => {
    const scene = await stage.scene(t);
    const tab = await scene.open();
    await connect(tab, ['SASLAnonymous', 'SASLSHA256'], 'anon.localhost');
    assert.equal(await tab.up(), 'CONNECTED');
    assert.equal(logins(scene)[0], 'ANONYMOUS');
  });

  test('SCRAM prepares the password (SASLprep), PLAIN sends it as typed', async (t) => {
    const scene = await stage.scene(t);
    const jid = await stage.server.register(`${scene.user}-prep`, 'Pässwörd Ⅸ'.normalize('NFKC'));
    const tab = await scene.open();
    for (const mechanism of ['SASLSHA256', 'SASLPlain']) {
      await connect(tab, [mechanism], jid, 'Pa\u0308ss\u00ADwo\u0308rd\u00A0Ⅸ');
      assert.equal(await tab.up(), 'CONNECTED');
      await disconnect(tab);
    }
    await connect(tab, ['SASLSHA256'], jid, 'bell\u0007');
    assert.equal((await failure(tab)).condition, 'saslprep-prohibited');
    assert.ok(
      !scene.wire.connections
        .at(-1)
        .texts('client')
        .some((text) => text.startsWith('<auth')),
    );
    // For PLAIN the server prepares the password (RFC 4616 §2).
    await connect(tab, ['SASLPlain'], jid, 'bell\u0007');
    await failure(tab);
    assert.deepEqual(spoken(scene.wire.connections.at(-1).texts('client')), [
      'PLAIN',
      `\0${scene.user}-prep\0bell\u0007`,
    ]);
  });
});

describe('in chromium, on ejabberd', () => {
  let stage;
  before(async () => (stage = await Stage.open('chromium', startEjabberd)));
  after(() => stage?.close());

  for (const [classname, name] of [
    ['SASLSHA256', 'SCRAM-SHA-256'],
    ['SASLPlain', 'PLAIN'],
  ]) {
    test(`${classname} alone logs in by ${name}`, async (t) => {
      const scene = await stage.scene(t);
      const tab = await scene.open();
      await connect(tab, [classname], scene.jid, scene.password);
      assert.equal(await tab.up(), 'CONNECTED');
      assert.equal(logins(scene)[0], name);
    });
  }

  test('a token logs in by X-OAUTH2, and a tab with a wrong token does not join', async (t) => {
    const scene = await stage.scene(t);
    const [tab, other] = [await scene.open(), await scene.open()];
    const token = await stage.server.token(scene.jid);
    await connect(tab, ['SASLXOAuth2'], scene.jid, token);
    assert.equal(await tab.up(), 'CONNECTED');
    assert.deepEqual(logins(scene), ['X-OAUTH2', `\0${scene.jid}\0${token}`]);
    await connect(other, ['SASLXOAuth2'], scene.jid, 'stolen');
    assert.equal((await failure(other)).condition, 'not-authorized');
    // A newer token of the same account joins too.
    await connect(other, ['SASLXOAuth2'], scene.jid, await stage.server.token(scene.jid));
    assert.equal(await other.up(), 'ATTACHED');
  });
});

describe('in chromium, on a scripted server', () => {
  let stage;
  before(async () => (stage = await Stage.open('chromium', null)));
  after(() => stage?.close());

  const stageOn = async (t, options) => {
    const server = await startScripted(options);
    t.after(() => server.stop());
    const scene = await stage.scene(t, { service: server.ws });
    return [server, await scene.open()];
  };

  test('EXTERNAL sends the account as authzid, unless the authcid is the account', async (t) => {
    const [server, tab] = await stageOn(t, { mechanisms: ['EXTERNAL'] });
    await connect(tab, undefined, 'alice@localhost');
    await tab.up();
    assert.deepEqual(spoken(server.streams.at(-1).frames), ['EXTERNAL', 'alice@localhost']);
    await disconnect(tab);
    await connect(tab, undefined, 'alice@localhost', undefined, 'alice@localhost');
    await tab.up();
    assert.deepEqual(spoken(server.streams.at(-1).frames), ['EXTERNAL', '=']);
  });

  test('with an authcid of another name, PLAIN also sends the account as authzid', async (t) => {
    const [server, tab] = await stageOn(t);
    await connect(tab, undefined, 'alice@localhost', 'secret', 'admin');
    await tab.up();
    assert.deepEqual(spoken(server.streams.at(-1).frames), ['PLAIN', 'alice@localhost\0admin\0secret']);
    await disconnect(tab);
    await connect(tab, undefined, 'alice@localhost', 'secret', 'alice@localhost');
    await tab.up();
    assert.deepEqual(spoken(server.streams.at(-1).frames), ['PLAIN', '\0alice@localhost\0secret']);
  });

  test('see-other-uri is REDIRECT with the address', async (t) => {
    const away = `<close xmlns="urn:ietf:params:xml:ns:xmpp-framing" see-other-uri="wss://other.example/ws"/>`;
    const [server, tab] = await stageOn(t, { login: [away] });
    await connect(tab, undefined, 'alice@localhost', 'secret');
    assert.equal((await failure(tab, 'REDIRECT')).condition, 'wss://other.example/ws');
    assert.deepEqual(await tab.statuses(), ['CONNECTING', 'AUTHENTICATING', 'REDIRECT', 'DISCONNECTED']);
    assert.equal(server.streams.length, 1);
  });

  test("a mechanism's test gets the connection and the password, and may return false", async (t) => {
    const [, tab] = await stageOn(t);
    const seen = await tab.evaluate(async (service) => {
      const { Connection, SASLPlain } = await import('/epode.js');
      let seen;
      class Picky extends SASLPlain {
        test(connection) {
          seen = [
            connection.jid,
            connection.authcid,
            connection.authzid,
            connection.domain,
            connection.pass,
            connection === window.connection,
          ];
          return false;
        }
      }
      window.connection = new Connection(service, { worker: '/epode-worker.js', mechanisms: [Picky] });
      window.connection.connect('alice@localhost/desk', 'secret', window.onStatus);
      return seen;
    }, tab.service);
    assert.deepEqual(seen, ['alice@localhost/desk', 'alice', 'alice@localhost', 'localhost', 'secret', true]);
    assert.equal((await failure(tab, 'CONNFAIL')).condition, 'no-auth-mech');
  });
});
