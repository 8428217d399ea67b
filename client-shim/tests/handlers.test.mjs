import assert from 'node:assert/strict';
import { test } from 'node:test';
import { giveDom, load } from './load.mjs';

giveDom();
const { Handler, HandlerList, selectorOf, parseStanza, xmlElement, sink } = await load(
  'client-shim/ts/handlers.ts',
  'client-shim/ts/element.ts',
  'client-shim/ts/log.ts',
);

const logged = [];
sink.log = (level, message) => logged.push([level, message]);

const matches = (text, ...criteria) => new Handler(() => true, ...criteria).isMatch(parseStanza(text));
const bare = { matchBareFromJid: true };
const noFragment = { ignoreNamespaceFragment: true };

test('every criterion that is given must match', () => {
  for (const [expected, text, ...criteria] of [
    [true, '<a/>'],
    [true, '<a/>', '', '', '', '', ''],
    [true, '<a xmlns="u" id="1" type="t" from="f"/>', 'u', 'a', 't', '1', 'f'],
    [false, '<a xmlns="u" id="1" type="t" from="f"/>', 'v', 'a', 't', '1', 'f'],
    [false, '<a xmlns="u" id="1" type="t" from="f"/>', 'u', 'b', 't', '1', 'f'],
    [false, '<a xmlns="u" id="1" type="t" from="f"/>', 'u', 'a', 's', '1', 'f'],
    [false, '<a xmlns="u" id="1" type="t" from="f"/>', 'u', 'a', 't', '2', 'f'],
    [false, '<a xmlns="u" id="1" type="t" from="f"/>', 'u', 'a', 't', '1', 'g'],
    [false, '<a/>', null, null, null, '1'],
    // The namespace of the element or of any descendant.
    [true, '<a xmlns="u"><b xmlns="v"/></a>', 'v'],
    [true, '<a xmlns="u"><b xmlns="v"><c xmlns="w"/></b></a>', 'w'],
    [true, '<a xmlns="u"><b><p:c xmlns:p="w"/></b></a>', 'w'],
    [false, '<a xmlns="u" xmlns:p="v"/>', 'v'],
    // The fragment is cut from the stanza's namespace, not from the handler's.
    [true, '<a xmlns="u#x"/>', 'u', null, null, null, null, noFragment],
    [false, '<a xmlns="u#x"/>', 'u'],
    [false, '<a xmlns="u#x"/>', 'u#x', null, null, null, null, noFragment],
    [true, '<a><b xmlns="u#x"/></a>', 'u', null, null, null, null, noFragment],
    // The qualified name, exactly.
    [true, '<p:a xmlns:p="u"/>', null, 'p:a'],
    [false, '<p:a xmlns:p="u"/>', null, 'a'],
    [false, '<A/>', null, 'a'],
    // The local name of a stanza.
    [true, '<c:message xmlns:c="jabber:client"/>', null, 'message'],
    [true, '<c:message xmlns:c="jabber:client"/>', null, 'c:message'],
    [false, '<c:message xmlns:c="jabber:client"/>', null, 'd:message'],
    [false, '<message xmlns="jabber:client"/>', null, 'c:message'],
    [false, '<x:message xmlns:x="urn:other" xmlns="jabber:client"/>', null, 'message'],
    [true, '<c:message xmlns:c="jabber:client" xmlns="u"/>', 'jabber:client'],
    [true, '<c:message xmlns:c="jabber:client" xmlns="u"/>', 'u'],
    [true, '<a><p:b xmlns:p="v#x" xmlns="u"/></a>', 'v', null, null, null, null, noFragment],
    // One type, or a list of types.
    [true, '<a type="x"/>', null, null, ['x', 'y']],
    [false, '<a type="z"/>', null, null, ['x', 'y']],
    [false, '<a/>', null, null, ['x']],
    [false, '<a/>', null, null, []],
    // In a list, the empty type matches a stanza without a type.
    [true, '<a/>', null, null, ['', 'x']],
    [false, '<a type="y"/>', null, null, ['', 'x']],
    // Criteria that are not strings.
    [true, '<a id="5" type="6" from="7"/>', null, null, [6], 5, 7],
    [false, '<a/>', null, null, null, {}],
    [false, '<a/>', null, null, 'x'],
    // The sender, as a full JID or as a bare JID.
    [false, '<a from="a@b/c"/>', null, null, null, null, 'a@b'],
    [true, '<a from="a@b/c"/>', null, null, null, null, 'a@b', bare],
    [true, '<a from="a@b/c"/>', null, null, null, null, 'a@b/d', bare],
    [true, '<a from="a@b"/>', null, null, null, null, 'a@b', bare],
    [true, '<a from="müller@b/c"/>', null, null, null, null, 'MU\u0308LLER@B', bare],
    [true, '<a from="a@xn--bcher-kva.example/c"/>', null, null, null, null, 'A@bücher.example/c'],
    [false, '<a from="a@b/c"/>', null, null, null, null, 'a@b/C'],
    [true, '<a from="no jid@@/"/>', null, null, null, null, 'no jid@@/'],
    [false, '<a/>', null, null, null, null, 'a@b', bare],
    [false, '<a from="x@b/c"/>', null, null, null, null, 'a@b', bare],
  ]) {
    assert.equal(matches(text, ...criteria), expected, `${text} for ${JSON.stringify(criteria)}`);
  }
});

test('an element made without a namespace is matched by its xmlns attribute', () => {
  const element = document.implementation.createDocument(null, null).createElement('a');
  element.setAttribute('xmlns', 'u');
  assert.ok(new Handler(() => true, 'u').isMatch(element));
  element.append(xmlElement('b', { xmlns: 'v' }));
  assert.ok(new Handler(() => true, 'v').isMatch(element));
});

test('a selector contains the criteria of the handler and nothing else', () => {
  const selector = (...criteria) => selectorOf(new Handler(() => true, ...criteria));
  assert.deepEqual(selector(), {});
  assert.deepEqual(selector('', null, undefined, '', null, bare), {});
  assert.deepEqual(selector('u', 'iq', 'set', '1', 'a@b/c'), {
    ns: 'u',
    name: 'iq',
    types: ['set'],
    id: '1',
    from: 'a@b/c',
  });
  assert.deepEqual(selector('u', null, ['get', 'set'], null, 'a@b/c', { ...bare, ...noFragment }), {
    ns: 'u',
    types: ['get', 'set'],
    from: 'a@b',
    bare: true,
    ignoreFragment: true,
  });
  assert.deepEqual(selector(null, null, []), { types: [] });
});

/** A list, a function that adds a named handler, and a function that dispatches a stanza. */
function listening() {
  const heard = [];
  const list = new HandlerList();
  const add = (name, does = () => true) =>
    list.add(new Handler((stanza) => (heard.push(name), does(stanza))));
  const hear = (authenticated) => {
    heard.length = 0;
    const handled = list.dispatch(parseStanza('<a xmlns="u"/>'), authenticated);
    return { heard: heard.join(' '), handled };
  };
  return { list, add, hear };
}

test('handlers added between two stanzas run in reverse order, after the earlier ones', () => {
  const { add, hear } = listening();
  add('a'), add('b'), add('c');
  assert.equal(hear().heard, 'c b a');
  add('d'), add('e');
  assert.equal(hear().heard, 'c b a e d');
  assert.equal(hear().heard, 'c b a e d');
});

test('a handler stays while it returns a truthy value, so an async handler stays', () => {
  const { add, hear } = listening();
  add('once', () => undefined),
    add('no', () => false),
    add('zero', () => 0),
    add('async', async () => false),
    add('always', () => 1);
  assert.deepEqual(hear(), { heard: 'always async zero no once', handled: true });
  assert.equal(hear().heard, 'always async');
});

test('a handler that throws is logged and removed, and the others hear the stanza', () => {
  const { add, hear } = listening();
  logged.length = 0;
  add('good', () => false);
  add('bad', () => {
    throw new Error('boo');
  });
  assert.deepEqual(hear(), { heard: 'bad good', handled: true });
  assert.match(logged[0][1], /threw: Error\n +at .*handlers\.test/);
  assert.deepEqual(hear(), { heard: '', handled: false });
});

test('a stanza whose only handler threw is not handled', () => {
  const { add, hear } = listening();
  add('bad', () => {
    throw undefined;
  });
  assert.deepEqual(hear(), { heard: 'bad', handled: false });
});

test('a stanza becomes an element only if a handler may match it or it may need an answer', () => {
  const list = new HandlerList();
  const concerns = (...texts) => texts.map((text) => list.concerns(text));
  const texts = [
    '<message/>',
    '<presence to="x"/>',
    '<iq type="get" id="1"/>',
    '<?xml version="1.0"?><message/>',
    '<c:message xmlns:c="jabber:client"/>',
    '<messages/>',
  ];
  assert.deepEqual(concerns(...texts), [false, false, true, true, true, true]);
  const handler = list.add(new Handler(() => true, null, 'message'));
  assert.deepEqual(concerns(...texts), [true, false, true, true, true, true]);
  list.dispatch(parseStanza('<message/>'));
  assert.deepEqual(concerns(...texts), [true, false, true, true, true, true]);
  list.delete(handler);
  list.add(new Handler(() => true, 'urn:x'));
  assert.deepEqual(concerns(...texts), [true, true, true, true, true, true]);
});

test('a handler added while a stanza is handled gets the next', () => {
  const { add, hear } = listening();
  add('a', () => add('b'));
  assert.equal(hear().heard, 'a');
  assert.equal(hear().heard, 'a b');
});

test('a handler deleted while a stanza is handled no longer gets that stanza', () => {
  const { list, add, hear } = listening();
  const victim = add('victim');
  const late = add('late');
  add('a', () => (list.delete(victim), list.delete(late), true));
  assert.equal(hear().heard, 'a');
  assert.deepEqual([...list].length, 1);
});

test('a handler that deletes itself is removed, whatever it returns', () => {
  const { list, add, hear } = listening();
  const self = add('self', () => (list.delete(self), true));
  hear();
  assert.equal(hear().heard, '');
});

test('a handler added and deleted between two stanzas gets none', () => {
  const { list, add, hear } = listening();
  list.delete(add('a'));
  assert.equal(hear().heard, '');
});

test('clearing the list while a stanza is handled skips the remaining handlers', () => {
  const { list, add, hear } = listening();
  add('b'), add('a', () => (list.clear(), true));
  assert.equal(hear().heard, 'a');
  assert.equal(hear().heard, '');
});

test('the handlers of an app run only once authenticated, and wait until then', () => {
  const { add, hear } = listening();
  add('app');
  add('own').user = false;
  assert.equal(hear(false).heard, 'own');
  assert.equal(hear(true).heard, 'own app');
});

test('a stanza dispatched by a handler does not disturb the stanza being handled', () => {
  const { list, add, hear } = listening();
  let depth = 0;
  add('b', () => false);
  add('a', () => (depth++ === 0 && list.dispatch(parseStanza('<inner/>')), true));
  assert.equal(hear().heard, 'a a b', 'b left with the inner stanza');
});
