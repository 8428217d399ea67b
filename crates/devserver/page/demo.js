// A small chat between two accounts, in any number of tabs. All tabs of an account share one connection.

const FRAMES_SHOWN = 200;
const REFRESH_MS = 2000;
const WORKER = '/dist/epode-worker.js';

const $ = (id) => document.getElementById(id);
const element = (name, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};

// The account of this tab. A reload keeps it, and a tab opened from here inherits it.
const remembered = {
  get jid() {
    return sessionStorage.getItem('epode-demo-jid');
  },
  set jid(jid) {
    sessionStorage.setItem('epode-demo-jid', jid);
  },
  forget() {
    sessionStorage.removeItem('epode-demo-jid');
  },
};

let credentials; // { jid, password }; without a password if this tab only joined
let online = false;
let redialling = false;
let contacts = new Set(); // the full JIDs of the peer that are available
let unacknowledged = 0; // the messages that the server has not acknowledged
let failed = false; // whether this attempt has failed, which the status shows

const settings = await (await fetch('/settings')).json();
const embedded = settings.bosh
  ? `${location.origin}/http-bind`
  : `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/xmpp-websocket`;
const service = settings.server ?? embedded;

const { Strophe, $msg, $pres } = await import('/dist/epode.js').catch((error) => {
  report('failed', 'The package is not built yet: run cargo xtask build, then reload.');
  throw error;
});
const Status = Strophe.Status;

const connection = new Strophe.Connection(service, { worker: WORKER });
// By BOSH, show stanzas without the body around them.
connection._proto.strip = true;

connection.rawInput = (xml) => showFrame('received', xml);
connection.rawOutput = (xml) => showFrame('sent', xml);
connection.onRoleChanged = showRole;
connection.onForeignStanzaSent = (stanza) => {
  if (isChat(stanza)) showMessage('own', bodyOf(stanza), 'from another tab');
};

prepareLogin();
prepareSession();
start();

// ——— Accounts

function prepareLogin() {
  $('choices').hidden = settings.accounts.length === 0;
  $('credentials').hidden = settings.accounts.length > 0;
  $('service').textContent = service;
  for (const account of settings.accounts) {
    const choose = element('button', { className: 'primary', textContent: userOf(account.jid) });
    choose.addEventListener('click', () => connect(account));
    $('accounts').append(choose);
  }
  $('credentials').addEventListener('submit', (event) => {
    event.preventDefault();
    connect({ jid: $('jid').value.trim(), password: $('password').value });
    $('password').value = '';
  });
}

function start() {
  const account = accountOf(invitation()) ?? accountOf(remembered.jid);
  if (account) {
    connect(account);
  } else if (settings.accounts.length === 0) {
    // The page keeps no passwords: join the session of other tabs, if there is one.
    join();
  } else {
    showLogin();
  }
}

// The account for which this tab was opened, from the fragment of its address. The fragment is removed,
// since the tab may change its account before a reload.
function invitation() {
  const jid = decodeURIComponent(location.hash.slice(1));
  if (jid) history.replaceState(null, '', location.pathname);
  return jid;
}

function accountOf(jid) {
  return settings.accounts.find((account) => account.jid === jid);
}

// ——— The connection

function connect(account) {
  begin(account);
  connection.connect(account.jid, account.password, onStatus);
}

function join() {
  failed = false;
  connection.attach(onStatus);
}

function begin(account) {
  failed = false;
  become(account);
  showSession();
}

function become(account) {
  credentials = account;
  remembered.jid = account.jid;
  document.title = `${userOf(account.jid)} – Epode`;
  $('address').textContent = account.jid;
  const peer = settings.accounts.find(({ jid }) => jid !== account.jid);
  $('other').hidden = !peer;
  if (peer) {
    $('peer').value = peer.jid;
    $('another').textContent = `Another tab as ${userOf(account.jid)}`;
    $('other').textContent = `A tab as ${userOf(peer.jid)}`;
    $('other').value = peer.jid;
  }
}

function onStatus(status, condition, _element, reason) {
  const words = condition ? inWords(condition, reason) : reason;
  const why = words ? `: ${words}` : '';
  switch (status) {
    case Status.CONNECTING:
      return report('busy', 'Connecting…');
    case Status.AUTHENTICATING:
      return report('busy', 'Logging in…');
    case Status.RECONNECTING:
      return report('redialling', `Connection lost, trying again…${why}`);
    case Status.CONNECTED:
      return onOnline(redialling ? 'Connected again' : 'Connected: this tab opened it');
    case Status.ATTACHED:
      return onOnline('Connected: this tab joined');
    case Status.DISCONNECTING:
      return report('busy', 'Logging out…');
    // The failure reported before says more.
    case Status.DISCONNECTED:
      return failed || report('idle', `Disconnected${why}`);
    case Status.AUTHFAIL:
      return onRefused(`Not logged in${why}`);
    case Status.ATTACHFAIL:
      return showLogin();
    case Status.CONNFAIL:
      return report('failed', `Could not connect${why}`);
    case Status.CONNTIMEOUT:
      return report('failed', 'The server did not answer in time');
    case Status.REDIRECT:
      return report('failed', `The server asks to connect elsewhere${why}`);
    default:
      return report('failed', `The connection ended${why}`);
  }
}

// Each CONNECTED or ATTACHED starts with an empty list of handlers.
function onOnline(text) {
  if (!credentials) become({ jid: Strophe.getBareJidFromJid(connection.jid) });
  showSession();
  report('connected', text);
  contacts = new Set();
  showPresence();
  connection.addHandler(onMessage, null, 'message');
  connection.addHandler(onPresence, null, 'presence');
  connection.send($pres());
  $('address').textContent = connection.jid;
  showRole(connection.role);
  $('text').focus();
}

function onRefused(text) {
  report('failed', text);
  remembered.forget();
  showLogin();
}

function onMessage(message) {
  const body = bodyOf(message);
  if (message.getAttribute('type') === 'error') {
    showMessage('notice', `Not delivered: ${inWords(conditionOf(message))}`);
  } else if (body) {
    const sender = Strophe.getBareJidFromJid(message.getAttribute('from') ?? '');
    showMessage(
      'theirs',
      body,
      message.getElementsByTagName('delay').length ? `${sender}, while you were away` : sender,
    );
  }
  return true;
}

function onPresence(presence) {
  const from = presence.getAttribute('from') ?? '';
  if (Strophe.getBareJidFromJid(from) === $('peer').value.trim()) {
    const type = presence.getAttribute('type');
    if (!type) contacts.add(from);
    else if (type === 'unavailable') contacts.delete(from);
    showPresence();
  }
  return true;
}

function bodyOf(stanza) {
  return stanza.getElementsByTagName('body')[0]?.textContent ?? '';
}

function isChat(stanza) {
  return stanza.tagName === 'message' && bodyOf(stanza) !== '';
}

function conditionOf(stanza) {
  return stanza.getElementsByTagName('error')[0]?.firstElementChild?.tagName ?? 'unknown';
}

function userOf(jid) {
  return jid.split('@')[0];
}

// ——— Controls

function prepareSession() {
  $('composer').addEventListener('submit', (event) => {
    event.preventDefault();
    const [to, text] = [$('peer').value.trim(), $('text').value.trim()];
    if (!(online || redialling) || !to || !text) return;
    send(to, text);
    $('text').value = '';
  });
  $('peer').addEventListener('change', () => {
    contacts = new Set();
    showPresence();
  });
  $('another').addEventListener('click', () => window.open(location.pathname, '_blank'));
  $('other').addEventListener('click', ({ target }) =>
    window.open(`${location.pathname}#${encodeURIComponent(target.value)}`, '_blank'),
  );
  $('logout').addEventListener('click', () => connection.disconnect('logout'));
  $('reconnect').addEventListener('click', () => {
    if (credentials?.password) connect(credentials);
    else showLogin();
  });
  $('switch').addEventListener('click', () => {
    remembered.forget();
    showLogin();
  });
  $('cut').addEventListener('click', () => fetch('/cut', { method: 'POST', body: credentials.jid }));
  // Only the embedded server counts its connections.
  $('count').hidden = Boolean(settings.server);
  setInterval(refresh, REFRESH_MS);
  document.addEventListener('visibilitychange', refresh);
}

// While the connection is lost the worker keeps what is sent, and the message waits for its mark.
async function send(to, text) {
  const mark = showMessage('own', text, 'waiting');
  count(1);
  const receipt = await connection.send(
    $msg({ to, type: 'chat', id: connection.getUniqueId() }).c('body').t(text),
  );
  if (receipt.status === 'written') mark.textContent = 'sent';
  const fate = await receipt.acknowledged;
  count(-1);
  mark.textContent = fateInWords(fate);
}

function fateInWords({ status, condition, resent, maybeTwice }) {
  if (status === 'failed') return `not sent: ${inWords(condition)}`;
  const done = status === 'acknowledged' ? 'acknowledged by the server' : 'sent';
  if (!resent) return done;
  return `${done}, at the second try${maybeTwice ? ': may be there twice' : ''}`;
}

function count(more) {
  unacknowledged += more;
  $('unacknowledged').textContent = unacknowledged;
}

// ——— Display

function showSession() {
  $('login').hidden = true;
  $('session').hidden = false;
}

function showLogin() {
  document.title = 'Epode';
  $('session').hidden = true;
  $('login').hidden = false;
  $('jid').value = credentials?.jid ?? remembered.jid ?? '';
}

function report(state, text) {
  online = state === 'connected';
  redialling = state === 'redialling';
  failed ||= state === 'failed';
  $('status').dataset.state = redialling ? 'busy' : state;
  $('status').textContent = text;
  const isUp = online || redialling;
  $('send').disabled = !isUp;
  $('logout').hidden = !isUp;
  // Only the embedded server lets a page break its connections, and only WebSockets can break.
  $('cut').hidden = !online || Boolean(settings.server) || settings.bosh;
  $('reconnect').hidden = isUp;
  $('switch').hidden = isUp;
  $('reconnect').disabled = state === 'busy';
  $('switch').disabled = state === 'busy';
  showStream();
  if (!online) {
    contacts = new Set();
    showPresence();
    showRole(undefined);
  }
  refresh();
}

// A tab without a role yet is shown as secondary, since only one is primary.
function showRole(role) {
  const words = role === 'primary' ? 'primary: does what must happen once' : 'secondary';
  $('role').textContent = online ? words : '–';
}

function showStream() {
  const managed = connection.isStreamManagementEnabled() ? '' : ', not managed by the server';
  const session = connection.hasResumed() ? 'resumed: nothing was lost' : `new${managed}`;
  $('stream').textContent = redialling ? 'redialling' : online ? session : '–';
}

function showPresence() {
  const available = contacts.size > 0;
  $('presence').dataset.available = available;
  $('presence').textContent = available ? 'here' : 'away';
}

// Returns the element of the note.
function showMessage(kind, text, note) {
  const message = element('li', { className: kind }, text);
  const small = element('small', { textContent: note ?? '' });
  if (note) message.append(small);
  $('messages').append(message);
  message.scrollIntoView({ block: 'nearest' });
  return small;
}

function showFrame(direction, xml) {
  const arrow = direction === 'sent' ? '↑' : '↓';
  const frame = element(
    'li',
    { className: direction },
    element('span', { className: 'arrow', ariaHidden: 'true', textContent: arrow }),
    element('span', { className: 'unseen', textContent: `${direction}: ` }),
    element('span', { textContent: withoutSecrets(xml) }),
  );
  $('frames').prepend(frame);
  while ($('frames').childElementCount > FRAMES_SHOWN) $('frames').lastElementChild.remove();
}

// Hides credentials, even on this screen.
function withoutSecrets(xml) {
  return xml.replace(/(<(?:auth|response)\b[^>]*>)[^<]+/, '$1…');
}

async function refresh() {
  if (document.hidden) return;
  showTabs(await connection.tabs());
  $('connections').textContent = (await countConnections()) ?? 'n/a';
}

// Shows the worker's list of tabs.
function showTabs(tabs) {
  $('tabs').textContent = online ? tabs.length : '–';
  $('members').replaceChildren(
    ...tabs.map((tab, index) => {
      const name = tab.own ? `Tab ${index + 1}, this one` : `Tab ${index + 1}`;
      const state = !tab.awake ? 'asleep' : tab.visible ? 'visible' : 'hidden';
      const waiting = tab.waiting ? `, ${tab.waiting} waiting` : '';
      const detail = element('small', { textContent: `${state}, credit ${tab.credit}${waiting}` });
      return element(
        'li',
        { className: tab.role },
        element('span', { textContent: `${name}: ${tab.role}` }),
        detail,
      );
    }),
  );
}

async function countConnections() {
  if (settings.server) return undefined;
  try {
    const { openConnections, connectionsByAccount } = await (await fetch('/stats')).json();
    const own = credentials && `${connectionsByAccount[credentials.jid] ?? 0} for ${userOf(credentials.jid)}`;
    return [own, `${openConnections} in all`].filter(Boolean).join(', ');
  } catch {
    return 'the server is gone';
  }
}

function inWords(condition, reason) {
  const known = {
    'not-authorized': 'wrong name or password',
    'no-auth-mech': 'the server offers no way to log in that this page knows',
    'credentials-required': 'please log in again',
    conflict: 'somebody else logged in under the same name',
    'system-shutdown': 'the server is shutting down',
    'host-unknown': 'the server does not know that domain',
    'connection-timeout': 'the server did not answer in time',
    'wasm-unsafe-eval': "the page's content security policy forbids WebAssembly",
    'service-unavailable': 'nobody is there to receive it',
    'remote-server-not-found': 'that domain cannot be reached',
    'account-disabled': 'the account is disabled',
    logout: 'logged out',
    'not-resumed': 'the connection broke, and whether it arrived is not known',
    unknown: 'whether it arrived is not known',
    'too-many': 'too much waits for the connection',
  };
  return known[condition] ?? reason ?? String(condition).replaceAll('-', ' ');
}
