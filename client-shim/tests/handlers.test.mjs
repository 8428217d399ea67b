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
    // The namespace: of the element, or of anything within it.
    [true, '<a xmlns="u"><b xmlns="v"/></a>', 'v'],
    [true, '<a xmlns="u"><b xmlns="v"><c xmlns="w"/></b></a>', 'w'],
    [true, '<a xmlns="u"><b><p:c xmlns:p="w"/></b></a>', 'w'],
    [false, '<a xmlns="u" xmlns:p="v"/>', 'v'],
    // Its fragment: cut from the stanza's, not from the handler's.
    [true, '<a xmlns="u#x"/>', 'u', null, null, null, null, noFragment],
    [false, '<a xmlns="u#x"/>', 'u'],
    [false, '<a xmlns="u#x"/>', 'u#x', null, null, null, null, noFragment],
    [true, '<a><b xmlns="u#x"/></a>', 'u', null, null, null, null, noFragment],
    // The name: qualified, to the letter.
    [true, '<p:a xmlns:p="u"/>', null, 'p:a'],
    [false, '<p:a xmlns:p="u"/>', null, 'a'],
    [false, '<A/>', null, 'a'],
    // Or that of a stanza without its prefix.
    [true, '<c:message xmlns:c="jabber:client"/>', null, 'message'],
    [true, '<c:message xmlns:c="jabber:client"/>', null, 'c:message'],
    [false, '<c:message xmlns:c="jabber:client"/>', null, 'd:message'],
    [false, '<message xmlns="jabber:client"/>', null, 'c:message'],
    [false, '<x:message xmlns:x="urn:other" xmlns="jabber:client"/>', null, 'message'],
    [true, '<c:message xmlns:c="jabber:client" xmlns="u"/>', 'jabber:client'],
    [true, '<c:message xmlns:c="jabber:client" xmlns="u"/>', 'u'],
    [true, '<a><p:b xmlns:p="v#x" xmlns="u"/></a>', 'v', null, null, null, null, noFragment],
    // The type: one, or one of several.
    [true, '<a type="x"/>', null, null, ['x', 'y']],
    [false, '<a type="z"/>', null, null, ['x', 'y']],
    [false, '<a/>', null, null, ['x']],
    [false, '<a/>', null, null, []],
    // Of several, the empty one is for none.
    [true, '<a/>', null, null, ['', 'x']],
    [false, '<a type="y"/>', null, null, ['', 'x']],
    // Criteria that are no strings.
    [true, '<a id="5" type="6" from="7"/>', null, null, [6], 5, 7],
    [false, '<a/>', null, null, null, {}],
    [false, '<a/>', null, null, 'x'],
    // The sender: as it is written, or its bare JID.
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

test('an element that was made by hand is matched by its xmlns attribute', () => {
  const element = document.implementation.createDocument(null, null).createElement('a');
  element.setAttribute('xmlns', 'u');
  assert.ok(new Handler(() => true, 'u').isMatch(element));
  element.append(xmlElement('b', { xmlns: 'v' }));
  assert.ok(new Handler(() => true, 'v').isMatch(element));
});

test('a selector says what a handler asks for, and nothing else', () => {
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

/** A list whose handlers say their names. */
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

test('handlers added between two stanzas run in reverse order, behind those that were there', () => {
  const { add, hear } = listening();
  add('a'), add('b'), add('c');
  assert.equal(hear().heard, 'c b a');
  add('d'), add('e');
  assert.equal(hear().heard, 'c b a e d');
  assert.equal(hear().heard, 'c b a e d');
});

test('a handler stays while it returns something truthy, so an async one stays', () => {
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

test('a stanza becomes an element where a handler may match it, or somebody has to answer it', () => {
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

test('a handler added while a stanza is handled hears the next', () => {
  const { add, hear } = listening();
  add('a', () => add('b'));
  assert.equal(hear().heard, 'a');
  assert.equal(hear().heard, 'a b');
});

test('a handler deleted while a stanza is handled does not hear it any more', () => {
  const { list, add, hear } = listening();
  const victim = add('victim');
  const late = add('late');
  add('a', () => (list.delete(victim), list.delete(late), true));
  assert.equal(hear().heard, 'a');
  assert.deepEqual([...list].length, 1);
});

test('a handler that deletes itself is gone, whatever it returns', () => {
  const { list, add, hear } = listening();
  const self = add('self', () => (list.delete(self), true));
  hear();
  assert.equal(hear().heard, '');
});

test('a handler added and deleted between two stanzas hears nothing', () => {
  const { list, add, hear } = listening();
  list.delete(add('a'));
  assert.equal(hear().heard, '');
});

test('clearing the list while a stanza is handled silences the rest', () => {
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

test('a stanza within the handling of another does not disturb it', () => {
  const { list, add, hear } = listening();
  let depth = 0;
  add('b', () => false);
  add('a', () => (depth++ === 0 && list.dispatch(parseStanza('<inner/>')), true));
  assert.equal(hear().heard, 'a a b', 'b left with the inner stanza');
});
