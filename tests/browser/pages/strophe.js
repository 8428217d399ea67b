// A page of the unmodified strophe.js, as an app writes it; it records everything it hears, as app.js does.

// The build of Strophe for script tags sets these.
const { Strophe, $msg, $pres } = window;
const names = Object.fromEntries(Object.entries(Strophe.Status).map(([name, number]) => [number, name]));

const heard = (window.heard = {
  statuses: [],
  messages: [],
  presences: [],
  iqs: [],
  log: [],
  roles: [],
  foreign: [],
});
/** What crossed the ports of this page, with the direction first: `>` is towards the worker. */
const wire = (window.wire = []);
window.epode = { Strophe, $msg, $pres };

// Strophe logs here, from ERROR on.
console.error = (text) => heard.log.push(String(text));

/** Strophe makes a port in the constructor, and another at each `connect` and `attach`. */
window.SharedWorker = class extends window.SharedWorker {
  constructor(...how) {
    super(...how);
    const { port } = this;
    port.addEventListener('message', ({ data }) => wire.push(['<', data].flat()));
    const { postMessage } = port;
    port.postMessage = (data) => {
      wire.push(['>', data].flat());
      postMessage.call(port, data);
    };
  }
};

window.make = (service, options = {}) => {
  const connection = (window.connection = new Strophe.Connection(service, options));
  connection.onRoleChanged = (role) => heard.roles.push(role);
  connection.onForeignStanzaSent = (element) => heard.foreign.push(element.textContent);
  return connection;
};

window.onStatus = (status, condition) => {
  heard.statuses.push({ status: names[status], condition });
  if (status === Strophe.Status.CONNECTED || status === Strophe.Status.ATTACHED) listen();
  if (status === Strophe.Status.DISCONNECTED && again) setTimeout(again, 100);
};

let again;

/** Has the page log in again whenever its session is lost. */
window.insist = (jid, password) => {
  again = () => connection.connect(jid, password, onStatus);
};

/** Connects, and calls `bind()` as soon as Strophe wants it. */
window.connectAndBind = (jid, password) =>
  connection.connect(jid, password, (status, condition) => {
    window.onStatus(status, condition);
    if (status !== Strophe.Status.BINDREQUIRED) return;
    heard.offered = connection.features && Strophe.serialize(connection.features);
    connection.bind();
  });

/** Sends an IQ, given as XML; resolves to the argument of the callback, as XML. */
window.ask = (iq, timeout) =>
  new Promise((resolve) => {
    const text = (element) => element && Strophe.serialize(element);
    connection.sendIQ(
      parse(iq.replace('<iq', '<iq xmlns="jabber:client"')),
      (result) => resolve({ ok: text(result) }),
      (error) => resolve({ err: text(error) }),
      timeout,
    );
  });

/** Answers IQ requests of a namespace. */
window.answer = (ns) =>
  connection.addHandler(
    (iq) => {
      const id = iq.getAttribute('id');
      const to = iq.getAttribute('from');
      connection.send(parse(`<iq xmlns="jabber:client" type="result" id="${id}" to="${to}"/>`));
      return true;
    },
    ns,
    'iq',
    'get',
  );

function listen() {
  const note = (list, content, name, type) =>
    connection.addHandler((stanza) => (list.push(content(stanza)), true), null, name, type);
  note(heard.messages, (message) => message.getElementsByTagName('body')[0]?.textContent ?? null, 'message');
  note(heard.presences, (presence) => presence.getAttribute('from'), 'presence');
  // Answers only: a handler for requests would change who answers them.
  for (const type of ['result', 'error']) note(heard.iqs, Strophe.serialize, 'iq', type);
}

function parse(xml) {
  return new DOMParser().parseFromString(xml, 'text/xml').documentElement;
}

window.ready = true;
