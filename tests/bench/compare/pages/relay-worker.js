// The worker written by hand: logs in with PLAIN and posts every frame to every port, at once or, with
// ?batched, as one array for each task. It checks, counts and claims nothing, which makes it fast.

const batched = new URL(location.href).searchParams.has('batched');
const FRAMING = 'urn:ietf:params:xml:ns:xmpp-framing';
const ports = [];
let socket;
let up = false;
let frames = [];

self.onconnect = ({ ports: [port] }) => {
  port.onmessage = ({ data }) => {
    if (typeof data === 'string') socket.send(data);
    else if (Array.isArray(data)) for (const stanza of data) socket.send(stanza);
    else join(port, data);
  };
};

function join(port, account) {
  ports.push(port);
  if (up) port.postMessage(null);
  else if (!socket) dial(account);
}

function dial({ service, jid, password }) {
  const [user, domain] = jid.split('@');
  const open = `<open xmlns="${FRAMING}" to="${domain}" version="1.0"/>`;
  socket = new WebSocket(service, 'xmpp');
  socket.onopen = () => socket.send(open);
  socket.onmessage = ({ data }) => {
    if (data.includes('<mechanisms')) {
      socket.send(
        `<auth xmlns="urn:ietf:params:xml:ns:xmpp-sasl" mechanism="PLAIN">${btoa(`\0${user}\0${password}`)}</auth>`,
      );
    } else if (data.startsWith('<success')) {
      socket.send(open);
    } else if (data.startsWith('<stream:features')) {
      socket.send(
        `<iq xmlns="jabber:client" type="set" id="b"><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"/></iq>`,
      );
    } else if (data.includes('<jid>')) {
      up = true;
      socket.send(`<presence xmlns="jabber:client"/>`);
      for (const port of ports) port.postMessage(null);
      socket.onmessage = batched ? gather : post;
    }
  };
}

function post({ data }) {
  for (const port of ports) port.postMessage(data);
}

function gather({ data }) {
  if (frames.push(data) === 1) setTimeout(flush);
}

function flush() {
  for (const port of ports) port.postMessage(frames);
  frames = [];
}
