// Uses of the package that the compiler checks and nobody runs. `@ts-expect-error` marks a line
// that must not compile.

import epode, {
  $build,
  $iq,
  $msg,
  $pres,
  Connection,
  type Handler,
  SASLMechanism,
  SASLOAuthBearer,
  SASLPlain,
  SASLSHA256,
  Status,
  Strophe,
  stx,
  toStanza,
  type AuthenticationError,
  StanzaError,
  XmppError,
  type ConnectionOptions,
  type Receipt,
  type Registration,
  type ScramKeys,
  type Stanzas,
  type StanzaSelector,
  type StatusCallback,
} from 'epode';

import * as beside from 'epode/beside';
import type fromStrophe from 'epode/strophe';
import type { Strophe as StropheOfStrophe } from 'epode/strophe';

/** Compiles if the two types are identical. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
declare function same<A, B>(same: Same<A, B>): void;

// Options

const options: ConnectionOptions = {
  worker: '/epode-worker.js',
  protocol: 'wss',
  mechanisms: [SASLPlain, SASLSHA256],
  sessionKey: 'a',
};
const connection = new Strophe.Connection('wss://chat.example/ws', options);
same<typeof connection, Connection>(true);
new Connection('/ws', { worker: new URL('https://app.example/epode-worker.js') });
new Connection('/ws');
// BOSH: options, sessions of others, and what apps read and do with the transport.
const bosh = new Connection('/http-bind/', { customHeaders: { 'X-App': '1' } });
bosh.restore(null, () => {}, 60, 1, 5);
bosh.attach('alice@chat.example/desk', 'sid', 7, () => {}, 60, 1, 5);
bosh.attach('alice@chat.example/desk', 'sid', '7');
if (bosh._proto instanceof Strophe.Bosh) {
  same<typeof bosh._proto.sid, string | null>(true);
  bosh._proto.strip = true;
  // @ts-expect-error the worker has the session
  bosh._proto.rid = 7;
}
bosh._proto._doDisconnect();
bosh._proto = new Strophe.Websocket();
// @ts-expect-error a session has a sid and a rid
bosh.attach('alice@chat.example/desk');
new Connection('/ws', {
  sync: true,
  customHeaders: ['X-App: 1'],
  keepalive: true,
  withCredentials: true,
  contentType: 'text/xml',
}).options.sync = false;
// @ts-expect-error the service is needed
new Connection();
// @ts-expect-error the option is the address of a worker
new Connection('/ws', { worker: new Worker('/epode-worker.js') });
// @ts-expect-error no such protocol
new Connection('/ws', { protocol: 'https' });
// @ts-expect-error no such option: a typing error would be silent otherwise
new Connection('/ws', { workers: '/epode-worker.js' });
// @ts-expect-error mechanisms are given as classes
new Connection('/ws', { mechanisms: ['PLAIN'] });

class Own extends SASLMechanism {
  constructor() {
    super('X-OWN', true, 99);
  }
  override onChallenge(): string {
    return 'response';
  }
}
new Connection('/ws', { mechanisms: [Own] });
class Probe extends SASLOAuthBearer {
  override onChallenge(connection: Connection, challenge?: string): string {
    return connection.jid && super.onChallenge(connection, challenge);
  }
}
connection.registerSASLMechanism(Probe);
connection.mechanisms['OAUTHBEARER']!.priority = 99;
same<typeof connection.pass, string | ScramKeys | null>(true);
connection.setProtocol();
Strophe.Connection.defaults.reconnect = false;
// @ts-expect-error no such option has a default that can be set
Connection.defaults.reloadGrace = 5;

// Statuses

const onStatus: StatusCallback = function (status, condition, element, reason) {
  same<typeof this, Connection>(true);
  same<typeof condition, string | null>(true);
  same<typeof element, Element | null>(true);
  same<typeof reason, string | null>(true);
  if (status === Strophe.Status.CONNECTED || status === Status.ATTACHED) this.send($pres());
  // @ts-expect-error no such status
  if (status === 99) return;
  // @ts-expect-error no such name
  Status.CONECTED;
};
same<typeof Status.CONNECTED, 5>(true);
connection.connect('alice@chat.example', 'secret', onStatus);
connection.connect('chat.example');
connection.connect('alice@chat.example', null, (status) => void status);
connection.attach(onStatus);
connection.disconnect('bye');
// @ts-expect-error the JID is needed
connection.connect();
// @ts-expect-error the password is a string
connection.connect('alice@chat.example', 1234);
same<typeof connection.role, 'primary' | 'secondary' | null>(true);
same<typeof connection.features, Element | null>(true);

// Stanzas

const message = $msg({ to: 'bob@chat.example', type: 'chat' })
  .c('body')
  .t('hi')
  .up()
  .c('active', { xmlns: 'urn:example' });
same<ReturnType<typeof message.tree>, Element>(true);
$build('query', { xmlns: 'urn:example' }).c('item', null, 'text').toString().length;
stx`<message to="${'bob@chat.example'}">${message}</message>`.tree().tagName;
// @ts-expect-error attributes are an object
$msg('bob@chat.example');
// @ts-expect-error an element has no methods of a builder
message.tree().c('body');

// Sending

same<ReturnType<typeof connection.send>, Promise<Receipt>>(true);
connection.send(message);
connection.send([message, message.tree(), '<presence/>', null]);
void connection.send(message).then((receipt) => {
  if (receipt.status === 'failed') return receipt.condition.length + receipt.text.length;
  // @ts-expect-error the receipt of a written stanza has no condition
  return receipt.condition;
});
// @ts-expect-error not a stanza
connection.send(42);
const id: string = connection.sendIQ(
  $iq({ type: 'get' }).c('ping', { xmlns: 'urn:xmpp:ping' }),
  (result) => result.getAttribute('id'),
  // The error is `null` if no answer came.
  (error) => error?.getAttribute('type'),
  1000,
);
// @ts-expect-error the error is null after the timeout
connection.sendIQ($iq({ type: 'get', id }), null, (error) => error.getAttribute('type'));
connection.sendPresence($pres({ to: 'room@chat.example/me' }), (answer) => answer.tagName);

// Handlers

const handler = connection.addHandler(
  (stanza) => stanza.tagName === 'message',
  null,
  'message',
  ['chat', 'normal'],
  null,
  'bob@chat.example',
  {
    matchBareFromJid: true,
  },
);
same<typeof handler, Handler>(true);
connection.addHandler(async (stanza) => void stanza.textContent, 'urn:example');
connection.deleteHandler(handler);
// @ts-expect-error a handler is what addHandler returned
connection.deleteHandler(() => true);
// @ts-expect-error no such option
connection.addHandler(() => true, null, null, null, null, null, { matchBare: true });
connection.deleteTimedHandler(connection.addTimedHandler(1000, () => true));

// Registration

void connection.register('chat.example', { signal: AbortSignal.timeout(1000) }).then(async (registration) => {
  same<typeof registration, Registration>(true);
  same<typeof registration.form, Element>(true);
  await registration.submit({ username: 'juliet', lists: ['a', 'b'], age: 13, news: true });
  await registration.submit($build('query', { xmlns: 'jabber:iq:register' }));
  // @ts-expect-error a field has values
  await registration.submit({ username: null });
  registration.close();
});

// The end of a connection

connection.addProtocolErrorHandler('websocket', 1006, function (code) {
  same<[typeof this, typeof code], [Connection, number]>(true);
});
connection.addProtocolErrorHandler('HTTP', 500, () => {});
// @ts-expect-error no such protocol
connection.addProtocolErrorHandler('ws', 1006, () => {});
connection.connect('alice@chat.example', 'secret', onStatus, 60, 1, '', null, 1000);

// Promises

same<typeof connection.ready, Promise<Connection>>(true);
// @ts-expect-error the property is read-only
connection.ready = Promise.resolve(connection);
same<ReturnType<typeof connection.iq>, Promise<Element>>(true);
connection.iq(message, { timeout: 1000, signal: AbortSignal.timeout(1000) });
connection.iq('<iq type="get"/>').catch((error: unknown) => {
  if (error instanceof StanzaError)
    same<[typeof error.condition, typeof error.element], [string, Element]>(true);
  else if (error instanceof XmppError)
    same<[typeof error.condition, typeof error.element], [string | null, Element | null]>(true);
  same<typeof Strophe.AuthenticationError, typeof AuthenticationError>(true);
});
// @ts-expect-error a request is needed
connection.iq(null);
// @ts-expect-error the timeout is a number
connection.iq(message, { timeout: '1s' });
const selector: StanzaSelector = {
  ns: 'urn:example',
  name: 'message',
  type: ['chat', 'normal'],
  from: 'bob@chat.example',
  matchBareFromJid: true,
};
same<ReturnType<typeof connection.stanzas>, Stanzas>(true);
void (async () => {
  for await (const stanza of connection.stanzas(selector, { signal: AbortSignal.timeout(1000) }))
    same<typeof stanza, Element>(true);
})();
// @ts-expect-error no such criterion: a typing error would select everything
connection.stanzas({ tag: 'message' });

// Hooks

connection.rawInput = (text) => same<typeof text, string>(true);
connection.xmlInput = (element) => same<typeof element, Element>(true);
connection.onRoleChanged = (role) => same<typeof role, 'primary' | 'secondary'>(true);
connection.onForeignStanzaSent = (element) => same<typeof element, Element>(true);
// @ts-expect-error the argument is a string
connection.rawOutput = (element: Element) => element;
Strophe.log = (level, line) => same<[typeof level, typeof line], [0 | 1 | 2 | 3 | 4, string]>(true);

// Members of Strophe

same<ReturnType<typeof Strophe.getBareJidFromJid>, string | null>(true);
Strophe.addConnectionPlugin('roster', {
  init: (connection) => connection.send($pres()),
  statusChanged: (status) => void status,
});
Strophe.addNamespace('EXAMPLE', 'urn:example');
Strophe.serialize(message).length;
Strophe.setLogLevel(Strophe.LogLevel.WARN);
// @ts-expect-error no such level
Strophe.setLogLevel('warn');

// The entries

same<typeof epode.Strophe, typeof Strophe>(true);
same<typeof fromStrophe.toStanza, typeof toStanza>(true);
same<typeof StropheOfStrophe, typeof Strophe>(true);
same<typeof globalThis.$build, typeof $build>(true);
beside.setWasm('/assets/epode.wasm');
new beside.Strophe.Connection('/ws');
toStanza('<a/>', true).tagName;
connection.attach(onStatus, null, null, () => {});
// @ts-expect-error the default has what Strophe's builds make global, and no more
epode.Connection;
