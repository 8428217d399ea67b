// A page as an app writes it: one connection; the page records everything it hears.

import * as epode from '../epode.js';

const { Strophe } = epode;
const names = Object.fromEntries(Object.entries(Strophe.Status).map(([name, number]) => [number, name]));

/** Everything that this tab has heard, for tests to read. */
const heard = (window.heard = { statuses: [], messages: [], iqs: [], log: [], roles: [], foreign: [] });
window.epode = epode;

Strophe.log = (level, text) => level >= Strophe.LogLevel.WARN && heard.log.push(text);

/** Makes the connection and starts recording. */
window.make = (service, options = {}) => {
  const connection = (window.connection = new Strophe.Connection(service, {
    worker: '/epode-worker.js',
    ...options,
  }));
  connection.onRoleChanged = (role) => heard.roles.push(role);
  connection.onForeignStanzaSent = (element) => heard.foreign.push(element.textContent);
  return connection;
};

window.onStatus = (status, condition, _, reason) => {
  heard.statuses.push({ status: names[status], condition, reason });
  if (status === Strophe.Status.CONNECTED || status === Strophe.Status.ATTACHED) {
    const note = (list, content, name) =>
      window.connection.addHandler(
        (stanza) => {
          list.push(content(stanza));
          return true;
        },
        null,
        name,
      );
    note(
      heard.messages,
      (message) => message.getElementsByTagName('body')[0]?.textContent ?? null,
      'message',
    );
    // Answers only: a handler for requests would change who answers them.
    for (const type of ['result', 'error']) {
      window.connection.addHandler((iq) => heard.iqs.push(Strophe.serialize(iq)), null, 'iq', type);
    }
  }
};

/** Sends an IQ, given as XML; resolves to the argument of the callback, as XML. */
window.ask = (iq, timeout) =>
  new Promise((resolve) => {
    const text = (element) => element && Strophe.serialize(element);
    window.connection.sendIQ(
      iq,
      (result) => resolve({ ok: text(result) }),
      (error) => resolve({ err: text(error) }),
      timeout,
    );
  });
window.ready = true;
