import assert from 'node:assert/strict';
import { test } from 'node:test';
import { giveDom, load } from './load.mjs';

const modules = ['element', 'builder'].map((name) => `client-shim/ts/${name}.ts`);
const { Builder, Stanza, $build, $msg, $iq, $pres, stx, serialize, xmlElement, parseStanza } = await load(
  ...modules,
);

/**
 * Tests that a builder serializes to `expected`: without a DOM, with `tree()` called after each
 * step, and from the finished tree.
 */
function written(name, expected, build) {
  return test(name, () => {
    assert.equal(build((builder) => builder).toString(), expected);
    if (typeof document === 'undefined') return;
    const early = (builder) => (builder.tree(), builder);
    assert.equal(build(early).toString(), expected, 'tree() after each step');
    const builder = build((builder) => builder);
    assert.equal(serialize(builder.tree()), expected, 'the tree');
    assert.equal(builder.tree(), builder.tree());
  });
}

async function steps(where) {
  await test(`a stanza is in jabber:client unless its attributes name another namespace ${where}`, () => {
    assert.equal($msg({ to: 'a' }).toString(), '<message to="a" xmlns="jabber:client"/>');
    assert.equal($iq().toString(), '<iq xmlns="jabber:client"/>');
    assert.equal($pres({ xmlns: 'u' }).toString(), '<presence xmlns="u"/>');
    assert.equal($build('a').toString(), '<a/>');
    for (const name of ['message', 'iq', 'presence'])
      assert.equal($build(name, { id: '1' }).toString(), `<${name} id="1" xmlns="jabber:client"/>`);
  });

  await written(`a child becomes the current element ${where}`, '<a><b><c/></b></a>', (step) =>
    step(step(step($build('a')).c('b')).c('c')),
  );

  await written(
    `a child with text leaves the current element as it is ${where}`,
    '<a><b>x</b><c/><d>0</d><e/><f/></a>',
    (step) =>
      step(step(step(step(step($build('a')).c('b', {}, 'x')).c('c', null, '')).c('d', {}, 0)).c('e'))
        .up()
        .c('f'),
  );

  await written(
    `a string in place of attributes is text, and the child becomes the current element ${where}`,
    '<a><b>x<c/></b></a>',
    (step) => step(step($build('a')).c('b', 'x')).c('c'),
  );

  await written(`so is a number ${where}`, '<a><b>5<c/></b></a>', (step) =>
    step(step($build('a')).c('b', 5)).c('c'),
  );

  await written(`attributes that are none change nothing ${where}`, '<a b="c"/>', (step) =>
    step(step($build('a', { b: 'c' })).attrs(null)).attrs(undefined),
  );

  await written(`up stops at the root, and root goes there ${where}`, '<a><b><c/></b><d/><e/></a>', (step) =>
    step(
      step(step($build('a')).c('b').c('c'))
        .root()
        .c('d'),
    )
      .up()
      .up()
      .up()
      .c('e'),
  );

  await written(
    `numbers and booleans become strings, nothing stays out ${where}`,
    '<a b="true" n="0">5false</a>',
    (step) => step(step($build('a', { n: 0, b: true, u: undefined, z: null })).t(5)).t(false),
  );

  await written(`attributes are set and removed ${where}`, '<a xml:lang="en" y="3" z="2"/>', (step) =>
    step(step($build('a', { x: 1, y: 1, z: 2 }))).attrs({ x: null, y: 3, 'xml:lang': 'en', w: undefined }),
  );

  await written(
    `text and attributes are escaped ${where}`,
    '<a x="&lt;&gt;&amp;&quot;&apos;&#10;">&lt;/a&gt;&amp;&quot;&apos;</a>',
    (step) => step(step($build('a', { x: `<>&"'\n` })).t(`</a>&"'`)),
  );

  await written(
    `a builder takes a copy of another, and goes on within it ${where}`,
    '<a><b xmlns="u"><x/><c/></b></a>',
    (step) => {
      const other = $build('b', { xmlns: 'u' }).c('x');
      const builder = step($build('a')).cnode(other).c('c');
      other.c('later');
      return builder;
    },
  );

  await written(`a builder may take a copy of itself ${where}`, '<a><b><a><b/></a></b></a>', (step) => {
    const builder = step($build('a')).c('b');
    return builder.cnode(builder);
  });

  await test(`a name that is not a name in XML throws at once ${where}`, () => {
    for (const name of ['a b', '<a', 'a>', '1a', '-a', 'a"', 'a/', 'a=']) {
      assert.throws(() => $build(name), /is no name in XML/, name);
      assert.throws(() => $build('a').c(name), Error, name);
      assert.throws(() => $build('a', { [name]: 1 }), Error, name);
      assert.throws(() => $build('a').attrs({ [name]: 1 }), Error, name);
    }
    assert.throws(() => new Builder('').toString(), /needs a name/);
  });

  await test(`a template escapes strings, inserts builders as XML, and skips null and undefined ${where}`, () => {
    const several = [$build('q'), stx`<z/>`, ['y']];
    const stanza = stx`
      <message to="${'a"b'}" xmlns="jabber:client"><body>${'<x>'}</body>${several}${5}${null}${undefined}${false}</message>
    `;
    assert.equal(
      stanza.toString(),
      '<message to="a&quot;b" xmlns="jabber:client"><body>&lt;x&gt;</body><q/><z/>y5false</message>',
    );
    assert.equal(stx`<a>${Stanza.unsafeXML('<b/>')}</a>`.toString(), '<a><b/></a>');
  });
}

await steps('without a DOM');
await test('without a DOM a builder has text but no element', () => {
  const message = $msg();
  assert.throws(() => message.tree(), /only where there is a DOM/);
  assert.equal(message.c('body').toString(), '<message xmlns="jabber:client"><body/></message>');
});
giveDom();
await steps('with a DOM');

test('the tree has the namespaces that its text declares', () => {
  const iq = $iq()
    .c('query', { xmlns: 'u' })
    .c('item')
    .up()
    .up()
    .c('p:x', { 'xmlns:p': 'v' })
    .c('p:y', { 'p:z': 1 })
    .tree();
  const found = [iq, ...iq.getElementsByTagName('*')].map((element) => [
    element.tagName,
    element.namespaceURI,
  ]);
  assert.deepEqual(found, [
    ['iq', 'jabber:client'],
    ['query', 'u'],
    ['item', 'u'],
    ['p:x', 'v'],
    ['p:y', 'v'],
  ]);
  assert.equal(iq.lastChild.firstChild.getAttributeNS('v', 'z'), '1');
  // But for `xmlns`, which a selector finds in what is built.
  const parsed = parseStanza(serialize(iq));
  for (const element of [parsed, parsed.firstChild]) {
    const namespace = element.getAttribute('xmlns');
    element.removeAttribute('xmlns');
    element.setAttribute('xmlns', namespace);
  }
  assert.ok(parsed.isEqualNode(iq));
});

test('a prefix that is declared outside the stanza may be used', () => {
  assert.equal(serialize($build('stream:error').c('a').tree()), '<stream:error><a/></stream:error>');
});

test('once there is a tree, the app and the builder change the same element', () => {
  const builder = $msg().c('body');
  const tree = builder.tree();
  builder.t('hi').up().c('x', { xmlns: 'u' });
  tree.setAttribute('id', '7');
  assert.equal(
    serialize(tree),
    '<message id="7" xmlns="jabber:client"><body>hi</body><x xmlns="u"/></message>',
  );
  assert.equal(builder.toString(), serialize(tree));
  assert.deepEqual([builder.node.tagName, builder.nodeTree, tree.lastChild.namespaceURI], ['x', tree, 'u']);
});

test('up stops at the root even if the app has appended the tree to another element', () => {
  const builder = $build('a').c('b');
  xmlElement('outer').append(builder.tree());
  assert.equal(builder.up().up().c('c').toString(), '<a><b/><c/></a>');
});

test('cnode appends a copy of a DOM element, with its namespaces', () => {
  const outer = parseStanza('<a xmlns="u" xmlns:p="v"><p:b/></a>');
  const text = $msg().cnode(outer.firstChild).c('c').toString();
  assert.equal(text, '<message xmlns="jabber:client"><p:b xmlns:p="v"><c/></p:b></message>');
  assert.equal(outer.childNodes.length, 1);
  assert.equal(
    $build('a')
      .cnode({ tree: () => outer })
      .toString(),
    '<a><a xmlns="u" xmlns:p="v"><p:b/></a></a>',
  );
});

test('anything with tree() is serialized through it', () => {
  assert.equal(serialize({ tree: () => xmlElement('a') }), '<a/>');
  assert.equal(Builder.serialize($build('a')), '<a/>');
  assert.equal(Builder.serialize(null), null);
});

test('HTML is reduced to XHTML-IM', () => {
  for (const tree of [false, true]) {
    const builder = $build('body', { xmlns: 'http://www.w3.org/1999/xhtml' }).t('old');
    if (tree) builder.tree();
    builder.h(
      '<p style="color:red; position:fixed" onclick="x">a<b>b</b><br></p><div><em>c</em></div><!-- -->' +
        '<a href="https://e.org/?a&amp;b" target="x">d</a><a href=" javascript:x">e</a><img src="s" alt="">&nbsp;',
    );
    assert.equal(
      builder.c('z').toString(),
      '<body xmlns="http://www.w3.org/1999/xhtml">old<p style="color:red;">ab<br/></p><em>c</em>' +
        '<a href="https://e.org/?a&amp;b">d</a><a>e</a><img src="s"/>\u00a0<z/></body>',
    );
  }
});

test('HTML keeps its leading white space, and no address hides a script', () => {
  assert.equal(
    $build('a').h('<em>a</em>').h(' and <em>b</em>').toString(),
    '<a><em>a</em> and <em>b</em></a>',
  );
  for (const address of [
    'javascript:x',
    ' JavaScript:x',
    'java\nscript:x',
    '\u0001javascript:x',
    'vb\tscript:x',
  ]) {
    assert.equal(
      $build('a').h(`<a href="${address}">y</a>`).toString(),
      '<a><a>y</a></a>',
      JSON.stringify(address),
    );
  }
});

test('a builder made of text is parsed when its element is needed', () => {
  const builder = Builder.fromString('<presence xmlns="jabber:client"/>');
  assert.equal(builder.toString(), '<presence xmlns="jabber:client"/>');
  assert.equal(
    builder.c('show').t('dnd').toString(),
    '<presence xmlns="jabber:client"><show>dnd</show></presence>',
  );
  assert.throws(() => Builder.fromString('<presence/>').tree(), /cannot be in the namespace null/);
  assert.throws(() => Builder.fromString('<a>').attrs({}), /not well-formed/);
});

test('the tree of a template drops indentation, but not white space that is all of an element', () => {
  const tree = stx`<message xmlns="jabber:client">
      <body> </body>
      <x>t <y/>
      </x>
    </message>`.tree();
  assert.equal(serialize(tree), '<message xmlns="jabber:client"><body> </body><x>t <y/></x></message>');
  assert.equal(stx`<a/>`.attrs({ id: 1 }).toString(), '<a id="1"/>');
});

test('white space stays in a body, and in stanzas that are not made from a template', () => {
  const body = '<body>see <b>one</b> <i>two</i></body>';
  assert.equal(
    serialize(stx`<iq xmlns="jabber:client"> <c/> ${Stanza.unsafeXML(body)} </iq>`.tree()),
    `<iq xmlns="jabber:client"><c/>${body}</iq>`,
  );
  assert.equal(serialize(Builder.fromString('<a><b/> <c/></a>').tree()), '<a><b/> <c/></a>');
  assert.equal(serialize(Stanza.toElement('<a><b/> <c/></a>')), '<a><b/><c/></a>');
});

test('elements may stand in a template', () => {
  assert.equal(stx`<a>${xmlElement('b', 'x<')}</a>`.toString(), '<a><b>x&lt;</b></a>');
});

test('no value breaks out of a template', () => {
  for (const value of [`"/><evil/>`, `'/><evil/>`, '</a><evil/>', ']]>', '&lt;']) {
    const tree = stx`<a x="${value}" y='${value}'>${value}</a>`.tree();
    assert.deepEqual(
      [tree.getAttribute('x'), tree.getAttribute('y'), tree.textContent, tree.children.length],
      [value, value, value, 0],
    );
  }
});
