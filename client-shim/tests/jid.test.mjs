import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from './load.mjs';

const { escapeNode, unescapeNode, getNodeFromJid, getDomainFromJid, getResourceFromJid, getBareJidFromJid } = await load('client-shim/ts/jid.ts');

test('a JID is cut at its first slash, and before that at its first at sign', () => {
  for (const [jid, node, domain, resource, bare] of [
    ['a@b/c', 'a', 'b', 'c', 'a@b'],
    ['b', null, 'b', null, 'b'],
    ['b/c', null, 'b', 'c', 'b'],
    ['a@b', 'a', 'b', null, 'a@b'],
    ['a@b/c@d/e', 'a', 'b', 'c@d/e', 'a@b'],
    ['b/c@d', null, 'b', 'c@d', 'b'],
    ['@b', '', 'b', null, '@b'],
    ['b/', null, 'b', '', 'b'],
  ]) {
    const cut = [getNodeFromJid(jid), getDomainFromJid(jid), getResourceFromJid(jid), getBareJidFromJid(jid)];
    assert.deepEqual(cut, [node, domain, resource, bare], jid);
  }
});

test('a missing JID has no parts and is no error', () => {
  for (const jid of [null, undefined, '']) {
    assert.deepEqual([getNodeFromJid(jid), getResourceFromJid(jid), getBareJidFromJid(jid)], [null, null, null]);
  }
});

test('a node is escaped as XEP-0106 says, and comes back', () => {
  for (const [name, escaped] of [
    ['space cadet', 'space\\20cadet'],
    ['call me "ishmael"', 'call\\20me\\20\\22ishmael\\22'],
    ['at&t guy', 'at\\26t\\20guy'],
    ["d'artagnan", 'd\\27artagnan'],
    ['/.fanboy', '\\2f.fanboy'],
    ['::foo::', '\\3a\\3afoo\\3a\\3a'],
    ['<foo>', '\\3cfoo\\3e'],
    ['user@host', 'user\\40host'],
    ['c:\\net', 'c\\3a\\5cnet'],
    ['c:\\20', 'c\\3a\\5c20'],
    ['\\5c', '\\5c5c'],
  ]) {
    assert.equal(escapeNode(name), escaped);
    assert.equal(unescapeNode(escaped), name);
  }
  assert.equal(escapeNode(' trimmed '), 'trimmed');
  assert.equal(unescapeNode('\\2e\\5C'), '\\2e\\5C', 'no escapes: left alone');
  assert.equal(escapeNode(null), null);
});
