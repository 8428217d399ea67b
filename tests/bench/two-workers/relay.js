// A shared worker as page.html uses it: it floods its page by its port, or the other worker by a
// BroadcastChannel; and what comes from there it posts to its page.
const channel = new BroadcastChannel('stanzas');

self.onconnect = ({ ports: [port] }) => {
  port.onmessage = ({ data: { way, count, stanza } }) => {
    const to = way === 'port' ? port : channel;
    for (let number = 0; number < count; number++) to.postMessage(stanza);
  };
  channel.onmessage = ({ data }) => port.postMessage(data);
};
