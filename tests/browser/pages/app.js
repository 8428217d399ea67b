// A page as an app writes it: one connection, everything it hears written down.

import * as epode from "../epode.js";

const { Strophe } = epode;
const names = Object.fromEntries(Object.entries(Strophe.Status).map(([name, number]) => [number, name]));

/** What this tab heard, for the test to read. */
const heard = (window.heard = { statuses: [], messages: [], log: [], roles: [], foreign: [], raw: [] });
window.epode = epode;

Strophe.log = (level, text) => level >= Strophe.LogLevel.WARN && heard.log.push(text);

/** Makes the connection and wires what is written down. */
window.make = (service, options = {}) => {
  const connection = (window.connection = new Strophe.Connection(service, { worker: "/epode-worker.js", ...options }));
  connection.onRoleChanged = (role) => heard.roles.push(role);
  connection.onForeignStanzaSent = (element) => heard.foreign.push(element.textContent);
  connection.rawInput = (text) => heard.raw.push(text);
  return connection;
};

window.onStatus = (status, condition, element, reason) => {
  heard.statuses.push({ status: names[status], condition, reason });
  if (status === Strophe.Status.CONNECTED || status === Strophe.Status.ATTACHED) {
    window.connection.addHandler(
      (message) => {
        heard.messages.push(message.getElementsByTagName("body")[0]?.textContent ?? null);
        return true;
      },
      null,
      "message",
    );
    window.onUp?.();
  }
};
window.ready = true;
