import assert from 'node:assert/strict';
import { test } from 'node:test';
import { giveDom, load } from './load.mjs';

const modules = ['element', 'builder', 'tokeniser'].map((name) => `client-shim/ts/${name}.ts`);

await test('importing needs no DOM, and making an element without a DOM throws with the reason', async () => {
  const { parseStanza, xmlElement } = await load(...modules);
  assert.throws(() => xmlElement('a'), /only where there is a DOM/);
  assert.throws(() => parseStanza('<a/>'));
});

const window = giveDom();
const {
  parseStanza,
  tokenise,
  toElement,
  serialize,
  xmlescape,
  xmlunescape,
  getText,
  getNamespace,
  forEachChild,
  isTagEqual,
  xmlTextNode,
  copyElement,
  xmlElement,
  xmlHtmlNode,
  xmlGenerator,
} = await load(...modules);

test('the element of a stanza has no parent', () => {
  const stanza = parseStanza('<message xmlns="jabber:client"><body>hi</body></message>');
  assert.equal(stanza.parentNode, null);
  assert.equal(stanza.getRootNode(), stanza);
  assert.notEqual(parseStanza('<a/>'), parseStanza('<a/>'));
});

test('changes to the element of one stanza do not show in the next', () => {
  const first = parseStanza('<a xmlns="u"/>');
  first.setAttribute('x', '1');
  first.append('text');
  assert.equal(serialize(parseStanza('<a xmlns="u"/>')), '<a xmlns="u"/>');
});

test('a peer that never repeats itself gets correct elements', () => {
  for (let i = 0; i < 5_000; i++) {
    const a = tokenise(`<a${i} xmlns="u${i}"><b${i} x${i}="1"/><c x="1" xmlns="v${i}"/></a${i}>`);
    const [b, c] = a.children;
    assert.deepEqual(
      [a.namespaceURI, b.namespaceURI, c.namespaceURI, b.tagName],
      [`u${i}`, `u${i}`, `v${i}`, `b${i}`],
    );
  }
});

test('names that DOM methods refuse are left to the parser', () => {
  assert.throws(() => tokenise('<xmlns x="1"/>'));
  const element = parseStanza('<xmlns x="1"/>');
  assert.deepEqual([element.tagName, element.getAttribute('x'), element.parentNode], ['xmlns', '1', null]);
});

test('text that is not well-formed throws, wherever it ends', () => {
  const whole = `<?xml version="1.0"?><a xmlns="u" xmlns:p='v' p:x="1"><b y = "2">t</b><![CDATA[c]]></a>`;
  for (let end = 0; end < whole.length; end++)
    assert.throws(() => parseStanza(whole.slice(0, end)), Error, whole.slice(0, end));
  for (const text of ['<p:a/>', '<a p:x="1"/>', '<a x=1/>', '<a', '<a x', '<a x="'])
    assert.throws(() => parseStanza(text), Error, text);
});

test('toElement checks its text, and with strict the namespace of stanzas', () => {
  for (const text of ['', 'x', '<a>', '<a></b>', '<a/><b/>', '<p:a/>', '<a x="1" x="2"/>']) {
    assert.throws(() => toElement(text), /not well-formed/, text);
  }
  assert.equal(toElement('<message/>').tagName, 'message');
  assert.throws(() => toElement('<message/>', true), /cannot be in the namespace null/);
  assert.throws(() => toElement('<iq xmlns="u"/>', true), /cannot be in the namespace u/);
  assert.equal(toElement('<iq xmlns="jabber:client"/>', true).tagName, 'iq');
  assert.equal(toElement('<query/>', true).tagName, 'query');
  assert.equal(toElement('<a><parsererror/></a>').tagName, 'a', 'an element of that name is no failure');
  assert.equal(xmlHtmlNode('<p>x</p>').documentElement.textContent, 'x');
});

test('an element is serialized as it was parsed, attributes in the order of their names', () => {
  for (const text of [
    '<a/>',
    '<a x="1" xmlns="u"><b xmlns=""><c/></b><d>t</d></a>',
    '<p:a p:x="1" xmlns:p="u"><p:b xmlns:p="v"/></p:a>',
    '<a xml:lang="de">x<b/>y</a>',
    '<a x="&lt;&gt;&amp;&quot;&apos;&#9;&#10;&#13;">&lt;&gt;&amp;&quot;&apos;\t\n&#13;</a>',
    '<a>1<![CDATA[<b>&]]>2</a>',
  ]) {
    assert.equal(serialize(parseStanza(text)), text);
    assert.equal(serialize(toElement(text)), text);
  }
  assert.equal(serialize(null), null);
});

test('an inner element is serialized with the declarations that it needs', () => {
  const forwarded = parseStanza(
    '<f xmlns="jabber:client" xmlns:p="v"><message><body p:x="1"/><p:q/></message></f>',
  ).firstChild;
  assert.equal(
    serialize(forwarded),
    '<message xmlns="jabber:client"><body xmlns:p="v" p:x="1"/><p:q xmlns:p="v"/></message>',
  );
});

test('an element made without a namespace takes the default namespace of its parent', () => {
  const iq = parseStanza('<iq xmlns="jabber:client"/>');
  iq.append(window.document.implementation.createDocument(null, null).createElement('query'));
  const bare = iq.lastChild;
  bare.setAttribute('xmlns', 'u');
  bare.append(xmlElement('item'));
  assert.equal(serialize(iq), '<iq xmlns="jabber:client"><query xmlns="u"><item/></query></iq>');
});

test('elements of an HTML page are serialized with their names in XHTML, in the namespace around', () => {
  const p = window.document.createElement('p');
  p.append('x', window.document.createElement('br'), window.document.createComment('no'));
  assert.equal(serialize(p), '<p>x<br/></p>');
  p.setAttribute('xmlns', 'http://www.w3.org/1999/xhtml');
  assert.equal(serialize(p), '<p xmlns="http://www.w3.org/1999/xhtml">x<br/></p>');
});

test('xmlescape and xmlunescape reverse each other, once', () => {
  assert.equal(xmlescape(`<>&"'x`), '&lt;&gt;&amp;&quot;&apos;x');
  assert.equal(xmlunescape('&lt;&gt;&amp;&quot;&apos;&amp;lt;&#65;'), `<>&"'&lt;&#65;`);
});

test('getText returns the text directly in an element, escaped', () => {
  assert.equal(getText(parseStanza('<a>1<b>2</b>&lt;<![CDATA[3]]>4</a>')), '1&lt;34');
  assert.equal(getText(parseStanza('<a/>')), '');
  assert.equal(getText(xmlTextNode('x<y')), 'x&lt;y');
  assert.equal(getText(null), null);
});

test('forEachChild visits all child elements or those of a name, even if the callback removes them', () => {
  const a = parseStanza('<a>1<b n="1"/><c><b/></c><b n="2"/></a>');
  const visited = [];
  forEachChild(a, null, (child) => visited.push(child.tagName));
  assert.deepEqual(visited, ['b', 'c', 'b']);
  forEachChild(a, 'b', (child) => child.remove());
  assert.equal(serialize(a), '<a>1<c><b/></c></a>');
});

test('isTagEqual and getNamespace compare qualified names and xmlns attributes', () => {
  const p = parseStanza('<p:a xmlns:p="u"/>');
  assert.deepEqual([isTagEqual(p, 'p:a'), isTagEqual(p, 'a'), getNamespace(p)], [true, false, 'u']);
  assert.equal(getNamespace(xmlElement('a', { xmlns: 'v' })), 'v');
});

test('xmlElement takes a name, attributes in three forms, and text', () => {
  const made = (...args) => serialize(xmlElement(...args));
  assert.equal(made('a'), '<a/>');
  assert.equal(made('a', { x: 1, y: undefined, z: null }, 't<'), '<a x="1">t&lt;</a>');
  assert.equal(made('a', [['x', '1']], 5), '<a x="1">5</a>');
  assert.equal(made('a', 'text'), '<a>text</a>');
  assert.equal(made('a', null, 0), '<a>0</a>');
  const a = xmlElement('p:a', { 'xmlns:p': 'u', xmlns: 'v', 'xml:lang': 'en', 'p:x': 1 });
  assert.deepEqual(
    [a.namespaceURI, a.attributes[2].namespaceURI, a.attributes[3].namespaceURI],
    ['u', 'http://www.w3.org/XML/1998/namespace', 'u'],
  );
  assert.equal(xmlGenerator(), a.ownerDocument);
});

test('a copy has the content of the original and no parent', () => {
  const original = parseStanza('<a xmlns="u"><b xmlns:p="v" p:q="1">2<![CDATA[3]]></b></a>').firstChild;
  const copy = copyElement(original);
  assert.equal(serialize(copy), serialize(original));
  assert.deepEqual([copy.parentNode, copy.namespaceURI, copy === original], [null, 'u', false]);
  assert.equal(copyElement(xmlTextNode('x')).data, 'x');
});
