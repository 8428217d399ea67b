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

test('an acknowledgement of the client that says more than came is a fault', () => {
  const { wire, stream } = scene();
  const one = stream();
  one.client(ENABLE);
  one.server(ENABLED, message('a:0'), message('a:1'));
  one.client("<a xmlns='urn:xmpp:sm:3' h='2'/>");
  const two = stream();
  two.client(resume(1));
  two.server(resumed(0));
  assert.deepEqual(wire.faults, []);
  two.client("<a xmlns='urn:xmpp:sm:3' h='2'/>");
  assert.deepEqual(wire.faults, ['an acknowledgement said 2 stanzas, and 1 had come']);
  stream().client(resume(2));
  assert.equal(wire.faults[1], 'a resume said 2 stanzas, and 1 had come');
});

const FAILED = '<failed xmlns="urn:xmpp:sm:3"><item-not-found/></failed>';
const other = (id) => ENABLED.replace("id='s'", `id='${id}'`);

test('what the server had acknowledged is not to be said again', () => {
  const { wire, stream } = scene();
  const one = stream();
  one.client(ENABLE, message('a:0'), message('a:1'), message('a:2'));
  one.server(ENABLED, '<a h="1"/>', message('a:0'), '<a h="2"/>');
  const two = stream();
  // The reset that cut the first stream may have taken the second acknowledgement with it.
  two.client(resume(1));
  two.server(FAILED);
  two.client(ENABLE, message('a:2'), message('a:1'));
  two.server(other('t'));
  assert.deepEqual([wire.faults, wire.certain()], [[], new Set(['a:0'])]);
  two.client(message('a:0'));
  assert.deepEqual(wire.faults, ['a:0 was said again, and the server had acknowledged it']);
  two.server('<a h="1"/>');
  two.client(message('a:2'));
  assert.equal(wire.faults.length, 2, 'also within a session');
  assert.deepEqual(wire.certain(), new Set(['a:0', 'a:2']));
});

test('the answer that refuses a session acknowledges, too', () => {
  const { wire, stream } = scene();
  const one = stream();
  one.client(ENABLE, message('a:0'), message('a:1'));
  one.server(ENABLED);
  const two = stream();
  two.client(resume(0));
  two.server(FAILED.replace('<failed', '<failed h="1"'));
  two.client(ENABLE, message('a:1'));
  assert.deepEqual(wire.faults, []);
  two.client(message('a:0'));
  assert.equal(wire.faults.length, 1);
});

test('what is said again within a session that is resumed has its number', () => {
  const { wire, stream } = scene();
  const one = stream();
  one.client(ENABLE, message('a:0'), message('a:1'));
  one.server(ENABLED, '<a h="2"/>', message('a:0'));
  const two = stream();
  two.client(resume(1));
  // The server takes an acknowledgement back.
  two.server(resumed(1));
  two.client(message('a:1'));
  assert.deepEqual(wire.faults, []);
});

test('what may be reported is what was not acknowledged in a session that was refused', () => {
  const { wire, stream } = scene();
  const reportable = () => ['a:0', 'a:1', 'a:2', 'a:3', 'a:4'].filter((id) => wire.mayReport(id));
  const one = stream();
  one.client(ENABLE, message('a:0'), message('a:1'));
  one.server(ENABLED, '<a h="1"/>', message('a:0'));
  assert.deepEqual(reportable(), []);
  const two = stream();
  two.client(resume(1));
  two.server(FAILED);
  // The wire was cut before it carried these.
  assert.deepEqual(reportable(), ['a:1', 'a:2', 'a:3', 'a:4']);
  const three = stream();
  three.client(ENABLE, message('a:1'), message('a:2'), message('a:0'));
  three.server(other('t'));
  assert.deepEqual(reportable(), ['a:1', 'a:2', 'a:3', 'a:4']);
  const four = stream();
  four.client(resume(0).replace("'s'", "'t'"));
  four.server(resumed(0));
  four.client(ENABLE, message('a:3'));
  assert.deepEqual(reportable(), ['a:1', 'a:2', 'a:4']);
});

test('a stream without stream management counts from its beginning', () => {
  const { wire, stream } = scene();
  const one = stream();
  one.client(message('a:0'), message('a:1'));
  one.server(message('a:0'));
  assert.deepEqual([wire.sent(), wire.delivered()], [['a:0', 'a:1'], ['a:0']]);
  assert.equal(wire.acknowledged().size, 0);
});

test('a session whose name did not get through is one that nobody can resume', () => {
  const { wire, stream } = scene();
  stream().client('<enable xmlns="urn:xmpp:sm:3"/>', '<message id="a:0"/>');
  assert.deepEqual([wire.nameless, wire.mayReport('a:0')], [0, false], 'the name may be on its way');
  const second = stream();
  second.client('<enable xmlns="urn:xmpp:sm:3"/>', '<message id="a:1"/>');
  second.server('<enabled xmlns="urn:xmpp:sm:3" id="x" resume="true"/>');
  assert.deepEqual([wire.nameless, wire.mayReport('a:0'), wire.mayReport('a:1')], [1, true, false]);
});
