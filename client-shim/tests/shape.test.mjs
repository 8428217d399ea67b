import assert from 'node:assert/strict';
import { test } from 'node:test';
import { giveDom, load } from './load.mjs';

giveDom();
const { Document, Node } = document.defaultView;
const { parseStanza } = await load('client-shim/ts/parse.ts');

const serialised = (element) => new XMLSerializer().serializeToString(element);

/** Parses a text, and counts the names made, the clones and the parser calls. */
function read(text) {
  const counts = { names: 0, clones: 0, parsers: 0 };
  const restore = [
    [Document.prototype, 'createElementNS', 'names'],
    [Node.prototype, 'cloneNode', 'clones'],
    [DOMParser.prototype, 'parseFromString', 'parsers'],
  ].map(([owner, method, name]) => {
    const original = owner[method];
    owner[method] = function (...words) {
      counts[name]++;
      return original.apply(this, words);
    };
    return () => (owner[method] = original);
  });
  try {
    return { element: parseStanza(text), counts };
  } finally {
    for (const undo of restore) undo();
  }
}

const message = (id, body, from = 'bob@b/phone') =>
  `<message xmlns="jabber:client" from="${from}" type='chat' id="${id}"><body xml:lang="en">${body}</body><delay xmlns="urn:xmpp:delay" stamp="${id}"/></message>`;

test('the third stanza of a shape is a clone with values of its own', () => {
  parseStanza(message('1', 'one'));
  parseStanza(message('2', 'two'));
  const { element, counts } = read(message('3&quot;', 'th &amp; ree\r\n', "o'hara@b"));
  assert.deepEqual(counts, { names: 0, clones: 1, parsers: 0 });
  assert.equal(element.getAttribute('id'), '3"');
  assert.equal(element.getAttribute('from'), "o'hara@b");
  assert.equal(element.querySelector('body').textContent, 'th & ree\n');
  assert.equal(element.querySelector('delay').getAttribute('stamp'), '3"');
  assert.equal(
    element.querySelector('body').getAttributeNS('http://www.w3.org/XML/1998/namespace', 'lang'),
    'en',
  );
  assert.equal(element.parentNode, null);
  // The earlier element is unchanged.
  assert.equal(
    serialised(parseStanza(message('2', 'two'))),
    serialised(new DOMParser().parseFromString(message('2', 'two'), 'text/xml').documentElement),
  );
});

test('changes to an element do not show in other elements of its shape', () => {
  const text = (id) =>
    `<iq xmlns="jabber:client" id="${id}"><query xmlns="urn:x"><item jid="a"/></query></iq>`;
  for (const id of ['1', '2', '3', '4']) {
    const element = parseStanza(text(id));
    assert.equal(serialised(element), text(id));
    element.setAttribute('id', 'mine');
    element.firstChild.firstChild.remove();
    element.append('more');
  }
});

test('other namespaces and quotes, empty text and values like tags are parsed correctly', () => {
  const shapes = [
    '<a xmlns="u" x="1"><b>t</b></a>',
    '<a xmlns="v" x="1"><b>t</b></a>',
    `<a xmlns="u" x='1'><b>t</b></a>`,
    '<a xmlns="u" x="1"><b></b></a>',
    '<a xmlns="u" x="1"><b/></a>',
    '<a xmlns="u" x="1"><b>t</b>u</a>',
    '<a xmlns="u" x="1" y=\'x="1"\'><b>x="2">y</b></a>',
    '<a xmlns="u" x="1"><b><![CDATA[<c d="1">]]></b></a>',
    '<a xmlns="u" x="&gt;&lt;b/>"><b>/></b></a>',
    '<p:a xmlns:p="u" p:x="1"><p:b>t</p:b></p:a>',
    '<p:a xmlns:p="v" p:x="1"><p:b>t</p:b></p:a>',
  ];
  for (let time = 0; time < 4; time++) {
    for (const text of shapes) {
      const other = text.replace(/1/g, `1${time}`).replace('t<', `t${time}<`);
      assert.ok(
        parseStanza(other).isEqualNode(new DOMParser().parseFromString(other, 'text/xml').documentElement),
        other,
      );
    }
  }
});

test('the number of known shapes is bounded, and a shape that repeats is soon known again', () => {
  for (const id of ['1', '2', '3']) parseStanza(message(id, id));
  for (let i = 0; i < 2_000; i++) parseStanza(`<a${i} x="1"/>`);
  // The shape was forgotten.
  assert.notDeepEqual(read(message('0', 'zero')).counts, { names: 0, clones: 1, parsers: 0 });
  parseStanza(message('1', 'one'));
  parseStanza(message('2', 'two'));
  assert.deepEqual(read(message('3', 'three')).counts, { names: 0, clones: 1, parsers: 0 });
});

test('malformed text throws, even if it begins like a known shape', () => {
  for (const id of ['1', '2', '3']) parseStanza(`<a x="${id}">t</a>`);
  for (const text of ['<a x="1', '<a x="1">t', '<a x=1>t</a>', ''])
    assert.throws(() => parseStanza(text), text);
});
