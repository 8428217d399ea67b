// Registration in band (XEP-0077), as an app sees it; the worker and the server are scripted.
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { Connection, dying, epode, online, ports, settled, sink, status } from './page.mjs';

const SERVICE = 'wss://chat.example/ws';
const WORKER = { worker: '/epode-worker.js' };
const FEATURES = '<stream:features xmlns:stream="http://etherx.jabber.org/streams"/>';
const FIELDS = '<instructions>Choose</instructions><username/><password/>';
const FORM = `<x xmlns="jabber:x:data" type="form"><title>Join</title>
  <field type="hidden" var="FORM_TYPE"><value>jabber:iq:register</value></field>
  <field type="fixed"><value>Hello</value></field>
  <field type="text-single" var="username"><required/></field>
  <field type="text-private" var="password"/>
  <field type="list-multi" var="lists"><value>a</value><value>b</value></field>
  <field type="boolean" var="news"><value>1</value></field></x>`;
const query = (content) => `<query xmlns="jabber:iq:register">${content}</query>`;

let lines;
beforeEach(() => {
  lines = [];
  sink.log = (_, line) => lines.push(line);
});

/** A registration that was begun, and the server's end of its stream. */
async function begin({ make = () => new Connection(SERVICE, WORKER), signal } = {}) {
  const former = new Set(ports);
  const connection = make();
  const registration = connection.register('chat.example', { signal });
  registration.catch(() => {});
  const isAsked = (port) => port && !former.has(port) && port.said('Negotiate').length > 0;
  for (let i = 0; i < 100 && !isAsked(ports.at(-1)); i++) await settled();
  const port = ports.at(-1);
  assert.ok(isAsked(port), 'nothing was asked');
  const frames = () => port.said('Frame').map(({ Frame }) => Frame.text);
  /** The server says this. */
  const say = async (text) => {
    port.say({ Frame: { text } });
    await settled();
  };
  const lastId = () => / id="([^"]*)"/.exec(frames().at(-1))[1];
  /** The server answers the last IQ. */
  const answer = (content, type = 'result') =>
    say(`<iq xmlns="jabber:client" type="${type}" id="${lastId()}">${content}</iq>`);
  return { connection, registration, port, frames, say, answer };
}

/** One whose form is there. */
async function withForm(content, options) {
  const begun = await begin(options);
  await begun.say(FEATURES);
  await begun.answer(query(content));
  return { ...begun, form: await begun.registration };
}

/** What a promise is rejected with. */
const failure = async (promise) => {
  const [outcome] = await Promise.allSettled([promise]);
  assert.equal(outcome.status, 'rejected');
  return outcome.reason;
};

test('the form is asked for when the server has opened a stream, which is this page alone', async () => {
  const { port, frames, say, answer, registration } = await begin();
  const [{ Negotiate }] = port.said('Negotiate');
  assert.deepEqual([Negotiate.service, Negotiate.jid], [SERVICE, 'chat.example']);
  assert.deepEqual(frames(), []);
  await say(FEATURES);
  assert.equal(frames().length, 1);
  assert.equal(
    frames()[0].replace(/ id="[^"]+"/, ''),
    `<iq to="chat.example" type="get" xmlns="jabber:client">${query('').replace('></query>', '/>')}</iq>`,
  );
  // What is not the answer is nothing to this app.
  await say('<iq xmlns="jabber:client" type="result" id="other"/>');
  await say('<message xmlns="jabber:client"/>');
  await answer(query(FIELDS));
  const { form } = await registration;
  assert.deepEqual(
    [...form.children].map(({ tagName }) => tagName),
    ['instructions', 'username', 'password'],
  );
  (await registration).close();
  assert.ok(port.posted.includes('Leave') && port.closed);
});

describe('a form that is handed in', () => {
  const handedIn = async (content, values) => {
    const { form, frames, answer, port } = await withForm(content);
    const done = form.submit(values);
    await settled();
    const [text] = frames().slice(1);
    assert.match(text, /^<iq [^>]*type="set"/);
    await answer('');
    await done;
    assert.ok(port.closed, 'and it is over');
    return text.replace(/^<iq [^>]*>|<\/iq>$/g, '');
  };

  test('has the fields of XEP-0077', async () => {
    assert.equal(
      await handedIn(FIELDS, { username: 'juliet', password: '<&>', misc: 5 }),
      query('<username>juliet</username><password>&lt;&amp;&gt;</password><misc>5</misc>'),
    );
  });

  test('has the fields of a data form, with what that has already', async () => {
    const text = await handedIn(FIELDS + FORM, { username: 'juliet', password: 's', lists: ['b', 'c'] });
    const field = (name, ...values) =>
      `<field var="${name}">${values.map((value) => `<value>${value}</value>`).join('')}</field>`;
    assert.equal(
      text,
      query(
        `<x type="submit" xmlns="jabber:x:data">${[
          field('FORM_TYPE', 'jabber:iq:register'),
          field('lists', 'b', 'c'),
          field('news', '1'),
          field('username', 'juliet'),
          field('password', 's'),
        ].join('')}</x>`,
      ),
    );
  });

  test('is what the app has built', async () => {
    const built = epode.$build('query', { xmlns: 'jabber:iq:register' }).c('key', null, '7');
    assert.equal(await handedIn(FORM, built), query('<key>7</key>'));
    assert.equal(await handedIn(FORM, built.tree()), query('<key>7</key>'));
  });
});

test('a refusal says why, and the form can be handed in again', async () => {
  const { form, answer, frames, port } = await withForm(FIELDS);
  for (const condition of ['conflict', 'not-acceptable']) {
    const done = failure(form.submit({ username: 'juliet', password: 'secret' }));
    await settled();
    const text = '<text xmlns="urn:ietf:params:xml:ns:xmpp-stanzas">taken</text>';
    await answer(
      `<error type="cancel"><${condition} xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/>${text}</error>`,
      'error',
    );
    const { name, condition: found, text: said } = await done;
    assert.deepEqual([name, found, said], ['StanzaError', condition, 'taken']);
  }
  const done = form.submit({ username: 'romeo', password: 'secret' });
  await settled();
  await answer('');
  await done;
  assert.equal(frames().length, 4);
  assert.ok(port.closed);
  assert.doesNotMatch(lines.join(), /secret/);
  const { name, message } = await failure(form.submit({}));
  assert.deepEqual([name, message], ['DisconnectedError', 'the registration was closed']);
  assert.equal(frames().length, 4);
});

test('a server that registers nobody, or sends no form, says so', async () => {
  const refused = await begin();
  await refused.say(FEATURES);
  const error =
    '<error type="cancel"><service-unavailable xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/></error>';
  await refused.answer(error, 'error');
  assert.equal((await failure(refused.registration)).condition, 'service-unavailable');
  assert.ok(refused.port.closed);
  const empty = await begin();
  await empty.say(FEATURES);
  await empty.answer('');
  assert.match((await failure(empty.registration)).message, /no form/);
});

test('the end of the stream ends what waits, with the reason', async () => {
  const ended = (...messages) => [...messages, status('Disconnected', 'later')];
  const lost = {
    Status: { ...status('ConnFail', 'the server is not there').Status, condition: 'host-unknown' },
  };
  const early = await begin();
  early.port.say(...ended(lost));
  const { name, message, condition } = await failure(early.registration);
  assert.deepEqual(
    [name, message, condition],
    ['ConnectionError', 'the server is not there', 'host-unknown'],
  );
  const asking = await begin();
  await asking.say(FEATURES);
  asking.port.say(...ended(status('ConnTimeout', 'the time is up')));
  assert.equal((await failure(asking.registration)).name, 'TimeoutError');
  const { form, port } = await withForm(FIELDS);
  const done = failure(form.submit({ username: 'juliet' }));
  await settled();
  port.say(...ended());
  assert.deepEqual([(await done).name, (await done).message], ['DisconnectedError', 'later']);
  assert.ok(port.closed);
});

test('the death of the worker ends it, and no other worker is asked', async () => {
  dying.lock = 'worker-of-a-registration';
  const { length } = ports;
  const reason = await failure(new Connection(SERVICE, WORKER).register('chat.example'));
  dying.lock = null;
  assert.deepEqual([reason.name, reason.message], ['ConnectionError', 'the worker died']);
  await new Promise((later) => setTimeout(later, 400));
  assert.equal(ports.length, length + 1);
});

test('an app may give it up', async () => {
  const abort = new AbortController();
  const { registration, port, say, frames } = await begin({ signal: abort.signal });
  abort.abort(new Error('enough'));
  assert.equal((await failure(registration)).message, 'enough');
  assert.ok(port.closed);
  await say(FEATURES);
  assert.deepEqual(frames(), []);
  const { length } = ports;
  const late = new Connection(SERVICE, WORKER).register('chat.example', { signal: AbortSignal.abort() });
  assert.equal((await failure(late)).name, 'AbortError');
  await settled();
  assert.deepEqual(
    ports.slice(length).flatMap((port) => port.said('Negotiate')),
    [],
  );
});

test('a connection in a session stays in it, and hears nothing', async () => {
  const { connection, statuses, port } = await online();
  const before = statuses.length;
  const { form, port: other } = await withForm(FIELDS, { make: () => connection });
  assert.notEqual(other, port);
  other.say(status('Disconnected'));
  assert.equal(statuses.length, before);
  assert.equal(connection.authenticated, true);
  assert.ok(!port.closed);
  assert.ok((await failure(form.submit({}))).message);
  connection.reset();
});

test('no password goes to another machine in the clear, unless the app names its mechanisms', async () => {
  for (const service of ['ws://chat.example/ws', 'http://chat.example/bosh', 'ws://localhost.example/']) {
    const { length } = ports;
    const { name, condition } = await failure(new Connection(service, WORKER).register('chat.example'));
    assert.deepEqual([name, condition], ['ConnectionError', 'plaintext-refused'], service);
    assert.equal(ports.length, length);
  }
  const options = { ...WORKER, mechanisms: [epode.SASLPlain] };
  for (const [service, more] of [
    ['ws://localhost:5280/ws', WORKER],
    ['ws://127.0.0.1/', WORKER],
    ['ws://[::1]/', WORKER],
    ['ws://chat.example/ws', options],
  ]) {
    const { port, registration } = await begin({ make: () => new Connection(service, more) });
    assert.equal(port.said('Negotiate').length, 1, service);
    port.say(status('ConnFail'), status('Disconnected'));
    await failure(registration);
  }
});

test('an address that is none is a reason', async () => {
  const { name, message } = await failure(new Connection('ftp://x').register('chat.example'));
  assert.equal(name, 'ConnectionError');
  assert.match(message, /not the address of a service/);
});
