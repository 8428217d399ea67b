// What apps of Strophe rely on, asked of Strophe 5 and of this package where both can answer.
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { epode, online, settled, sink } from './page.mjs';

const strophe = await import('../../node_modules/strophe.js/dist/strophe.esm.js');

beforeEach(() => (sink.log = () => {}));

describe('stanzas as text', () => {
  const appended = (builder, child) => {
    builder.node.append(child);
    return builder;
  };
  for (const [what, build] of Object.entries({
    'attributes in the order of their names': ({ $iq }) =>
      $iq({ type: 'set', to: 'bob@chat.example', id: '1' })
        .c('query', { xmlns: 'jabber:iq:roster', ver: '7', 'xml:lang': 'en' })
        .c('item', { name: 'B', jid: 'bob@chat.example', ask: 'a' }),
    'attributes that were set later': ({ $pres }) => $pres({ to: 'a@b' }).attrs({ from: 'c@d', id: '5' }),
    'a child that the page made': ({ $msg }) => {
      const body = document.createElement('body');
      body.setAttribute('lang', 'en');
      body.append('hi', document.createElement('b'));
      return appended($msg({ to: 'a@b' }), body);
    },
    'a copy of what the page made, and a child of that': ({ $msg }) =>
      $msg({ to: 'a@b' }).cnode(document.createElement('x')).c('y'),
    'a stanza that the page made': ({ $build }) => $build('a').cnode(document.createElement('message')),
    'XHTML that says so': ({ $msg }) =>
      $msg()
        .c('html', { xmlns: 'http://jabber.org/protocol/xhtml-im' })
        .c('body', { xmlns: 'http://www.w3.org/1999/xhtml' })
        .cnode(document.createElement('p'))
        .t('hi'),
  })) {
    test(`${what}: as Strophe writes them`, () => {
      const expected = build(strophe).toString();
      assert.equal(build(epode).toString(), expected);
      const builder = build(epode);
      builder.tree();
      assert.equal(builder.toString(), expected, 'from an element');
      assert.equal(epode.serialize(builder.tree()), expected);
    });
  }

  test('a message that the page made is sent in the namespace of stanzas', async () => {
    const { connection, port } = await online();
    const message = document.createElement('message');
    message.append(document.createElement('body'));
    void connection.send(message);
    await settled();
    assert.deepEqual(
      port.said('Send').flatMap(({ Send }) => Send.stanzas.map(({ text }) => text)),
      ['<message><body/></message>'],
    );
    connection.reset();
  });

  test('an app may choose the current element', () => {
    for (const { $build } of [strophe, epode]) {
      const builder = $build('a').c('b').c('c');
      builder.node = builder.tree().firstChild;
      assert.equal(builder.c('d').root().c('e').toString(), '<a><b><c/><d/></b><e/></a>');
    }
  });
});
