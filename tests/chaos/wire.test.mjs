// The wire's record of a run: whole frames, counted as XEP-0198 counts.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Frames, Wire } from './wire.mjs';

const UPGRADE = Buffer.from('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n');

/** A frame of RFC 6455 §5.2, masked as a client's. */
function frame(text, { isMasked = false, opcode = 1, isLast = true } = {}) {
  const payload = Buffer.from(text);
  const { length } = payload;
  const head = [(isLast ? 128 : 0) | opcode];
  const bit = isMasked ? 128 : 0;
  if (length < 126) head.push(bit | length);
  else if (length < 65_536) head.push(bit | 126, length >> 8, length & 255);
  else
    head.push(bit | 127, 0, 0, 0, 0, length >>> 24, (length >> 16) & 255, (length >> 8) & 255, length & 255);
  if (!isMasked) return Buffer.concat([Buffer.from(head), payload]);
  const mask = [7, 77, 177, 200];
  payload.forEach((byte, at) => (payload[at] = byte ^ mask[at % 4]));
  return Buffer.concat([Buffer.from([...head, ...mask]), payload]);
}

test('frames come out of bytes, wherever those are cut', () => {
  for (const isMasked of [false, true]) {
    const texts = ['<r/>', 'é'.repeat(100), 'x'.repeat(70_000), ''];
    const bytes = Buffer.concat([
      UPGRADE,
      ...texts.map((text) => frame(text, { isMasked })),
      frame('<mess', { isMasked, isLast: false }),
      frame('ping', { isMasked, opcode: 9 }),
      frame('age/>', { isMasked, opcode: 0 }),
    ]);
    for (const step of [1, 7, 1_000, bytes.length]) {
      const frames = new Frames();
      const found = [];
      for (let at = 0; at < bytes.length; at += step)
        found.push(...frames.take(bytes.subarray(at, at + step)));
      assert.deepEqual(found, [...texts, '<message/>']);
    }
  }
});

/** A wire, and what is said on a new stream of it. */
function scene() {
  const wire = new Wire();
  const stream = () => {
    const connection = {};
    for (const from of ['client', 'server']) wire.pass(connection, from, UPGRADE);
    return {
      client: (...texts) =>
        texts.forEach((text) => wire.pass(connection, 'client', frame(text, { isMasked: true }))),
      server: (...texts) => texts.forEach((text) => wire.pass(connection, 'server', frame(text))),
    };
  };
  return { wire, stream };
}

const message = (id) => `<message to="a@b" id='${id}' type="chat"><body/></message>`;
const ENABLE = "<enable xmlns='urn:xmpp:sm:3' resume='true'/>";
const ENABLED = "<enabled xmlns='urn:xmpp:sm:3' id='s' resume='1'/>";
const resume = (h) => `<resume xmlns='urn:xmpp:sm:3' previd='s' h='${h}'/>`;
const resumed = (h) => `<resumed xmlns='urn:xmpp:sm:3' previd='s' h='${h}'/>`;

test('what comes again after a resume counts once, by its number', () => {
  const { wire, stream } = scene();
  const one = stream();
  one.client('<iq id="bind"/>', ENABLE, '<presence/>', message('a:0'), message('a:1'), message('a:2'));
  one.server('<iq id="bind"/>', ENABLED, message('a:0'), message('a:1'), message('a:2'), '<a h="2"/>');
  assert.deepEqual(wire.acknowledged(), new Set(['a:0']));
  const two = stream();
  two.client(resume(1));
  two.server(resumed(3), message('a:1'), message('a:2'));
  two.client(message('a:2'), message('a:3'));
  assert.deepEqual(wire.delivered(), ['a:0', 'a:1', 'a:2']);
  assert.deepEqual(wire.sent(), ['a:0', 'a:1', 'a:2', 'a:3']);
  assert.deepEqual(wire.acknowledged(), new Set(['a:0', 'a:1']));
  assert.deepEqual([wire.refusals, wire.faults], [[], []]);
});

test('what was not resumed counts as far as each side says, and the next session beside it', () => {
  const { wire, stream } = scene();
  const one = stream();
  one.client(ENABLE, message('a:0'), message('a:1'));
  one.server(ENABLED, message('a:0'), message('a:1'));
  const two = stream();
  two.client(resume(1));
  two.server("<failed xmlns='urn:xmpp:sm:3' h='1'><item-not-found/></failed>");
  two.client(ENABLE, message('a:1'));
  two.server(ENABLED.replace("id='s'", "id='t'"), message('a:1'));
  assert.deepEqual(wire.sent(), ['a:0', 'a:1']);
  assert.deepEqual(wire.delivered(), ['a:0', 'a:1']);
  assert.match(String(wire.refusals), /item-not-found.* after 2 stanzas, of which the client had 1$/);
});

test('a resume that says more than came, or of an unknown session, is a fault', () => {
  const { wire, stream } = scene();
  const one = stream();
  one.client(ENABLE);
  one.server(ENABLED, message('a:0'));
  stream().client(resume(2));
  stream().client(resume(0).replace("'s'", "'other'"));
  assert.deepEqual(wire.faults, [
    'a resume said 2 stanzas, and 1 had come',
    'a session was to be resumed that the server had not begun',
  ]);
});

test('a stream without stream management counts from its beginning', () => {
  const { wire, stream } = scene();
  const one = stream();
  one.client(message('a:0'), message('a:1'));
  one.server(message('a:0'));
  assert.deepEqual([wire.sent(), wire.delivered()], [['a:0', 'a:1'], ['a:0']]);
  assert.equal(wire.acknowledged().size, 0);
});
