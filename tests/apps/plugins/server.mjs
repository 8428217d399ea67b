// The server that the plugins talk to: what it answers to a frame beyond the book.

import { startScripted } from '../../browser/scripted.mjs';

const JID = 'alice@localhost/scripted';
const DISCO = 'http://jabber.org/protocol/disco';

export const startServer = () => startScripted({ jid: JID, answer });

const attribute = (frame, name) => new RegExp(`^[^>]*\\s${name}=["']([^"']*)`).exec(frame)?.[1];
const iq = (type, from, id, content = '') =>
  `<iq xmlns="jabber:client" type="${type}" to="${JID}"${from ? ` from="${from}"` : ''} id="${id}">${content}</iq>`;
const message = (from, attributes, content) =>
  `<message xmlns="jabber:client" to="${JID}" from="${from}"${attributes}>${content}</message>`;
const presence = (from, attributes, content) =>
  `<presence xmlns="jabber:client" to="${JID}" from="${from}"${attributes}>${content}</presence>`;
const occupant = (nick, attributes = '', codes = '') =>
  presence(
    `room@rooms.localhost/${nick}`,
    attributes,
    `<x xmlns="http://jabber.org/protocol/muc#user"><item affiliation="none" role="participant"/>${codes}</x>`,
  );

function answer(frame, stream) {
  const [to, id, type] = ['to', 'id', 'type'].map((name) => attribute(frame, name));
  const result = (content) => [iq('result', to, id, content)];
  if (frame.startsWith('<message')) {
    switch (to) {
      case 'push.localhost':
        return [
          iq(
            'set',
            undefined,
            'push',
            '<query xmlns="jabber:iq:roster"><item jid="pushed@localhost" subscription="both"/></query>',
          ),
        ];
      case 'ping.localhost':
        return [iq('get', 'localhost', 'asked', '<ping xmlns="urn:xmpp:ping"/>')];
      case 'disco.localhost':
        return [iq('get', 'romeo@localhost/balcony', 'who', `<query xmlns="${DISCO}#info"/>`)];
      case 'room@rooms.localhost':
        return [message(`${to}/alice`, ' type="groupchat"', '<body>hello</body>')];
    }
  }
  if (frame.startsWith('<message') && to === 'said.localhost') {
    const pong = stream.frames.find((known) => known.startsWith('<iq') && attribute(known, 'id') === 'asked');
    return [
      message('said.localhost', ' id="pong"', `<body>${pong ? attribute(pong, 'type') : 'no pong'}</body>`),
    ];
  }
  if (frame.startsWith('<presence')) {
    if (to === 'presence.localhost') return [presence('friend@localhost/balcony', '', '<show>away</show>')];
    if (to === 'room@rooms.localhost/alice') {
      if (type === 'unavailable')
        return [occupant('alice', ` type="unavailable" id="${id}"`, '<status code="110"/>')];
      return [occupant('bob'), occupant('alice', '', '<status code="110"/>')];
    }
    return undefined;
  }
  if (!frame.startsWith('<iq')) return undefined;
  if (type === 'result' && id === 'who') {
    const features = [...frame.matchAll(/var=["']([^"']*)/g)].map(([, name]) => name);
    return [message('disco.localhost', ' id="disco"', `<body>${features.join(' ')}</body>`)];
  }
  if (type === 'result' || type === 'error') return [];
  if (frame.includes('jabber:iq:roster') && type === 'get')
    return result(
      '<query xmlns="jabber:iq:roster"><item jid="friend@localhost" name="Friend" subscription="both"><group>Friends</group></item></query>',
    );
  if (frame.includes(`${DISCO}#info`))
    return result(`<query xmlns="${DISCO}#info"><feature var="urn:one"/><feature var="urn:two"/></query>`);
  if (frame.includes(`${DISCO}#items`))
    return result(`<query xmlns="${DISCO}#items"><item jid="room@rooms.localhost"/></query>`);
  if (frame.includes('urn:xmpp:mam:2')) {
    const found = (number) =>
      message(
        'alice@localhost',
        '',
        `<result xmlns="urn:xmpp:mam:2" id="${number}"><forwarded xmlns="urn:xmpp:forward:0"><message xmlns="jabber:client"><body>old ${number}</body></message></forwarded></result>`,
      );
    const set = '<set xmlns="http://jabber.org/protocol/rsm"><first>1</first><last>2</last></set>';
    return [found(1), found(2), ...result(`<fin xmlns="urn:xmpp:mam:2">${set}</fin>`)];
  }
  return frame.includes('urn:ietf:params:xml:ns:xmpp-bind') ? undefined : result('');
}
