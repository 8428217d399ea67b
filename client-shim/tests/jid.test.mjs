import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from './load.mjs';

const {
  escapeNode,
  unescapeNode,
  getNodeFromJid,
  getDomainFromJid,
  getResourceFromJid,
  getBareJidFromJid,
  preparedJid,
} = await load('port/ts/jid.ts', 'client-shim/ts/prepared.ts');

test('a JID is split at its first slash, and before that at its first at sign', () => {
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
    assert.deepEqual(
      [getNodeFromJid(jid), getResourceFromJid(jid), getBareJidFromJid(jid)],
      [null, null, null],
    );
  }
});

test('a node is escaped as in XEP-0106, and unescaping restores it', () => {
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

// The same cases as in crates/stream/tests/stream/jid.rs.
test('two spellings of one JID have one prepared form', () => {
  for (const [a, b] of [
    ['A@B/c', 'a@b/c'],
    ['МАША@пример.example', 'маша@ПРИМЕР.example'],
    ['𐐀@b', '𐐨@b'],
    ['müller@b', 'MÜLLER@b'],
    ['MU\u0308LLER@B/x', 'müller@b/x'],
    ['ｊｕｌｉｅｔ@b', 'Juliet@b'],
    ['ガ@b', 'ｶﾞ@b'],
    ['a\u0323\u0307@b', 'a\u0307\u0323@b'],
    ['Å@b', '\u212b@b'],
    ['Σ@b', 'σ@b'],
    ['ΣΊΣΥΦΟΣ@b', 'σίσυφος@b'],
    ['FUẞBALL@b', 'fußball@b'],
    ['I@b', 'i@b'],
    ['İ@b', 'i\u0307@b'],
    ['a@bücher.example', 'a@xn--bcher-kva.example'],
    ['a@BÜCHER.example/r', 'a@XN--BCHER-KVA.Example/r'],
    ['bücher.example', 'bu\u0308cher。example'],
    ['a@chat.example.', 'a@chat.example'],
    ['a@bücher.example.', 'a@xn--bcher-kva.example'],
    ['chat.example./x', 'CHAT.example/x'],
    ['a@ｃhat.example', 'a@chat.example'],
    ['a@b/mu\u0308ller', 'a@b/müller'],
  ]) {
    assert.equal(preparedJid(a), preparedJid(b), `${a} ${b}`);
    assert.equal(preparedJid(preparedJid(a)), preparedJid(a), a);
  }
});

test('JIDs that only look alike, or cannot be prepared, stay different', () => {
  for (const [a, b] of [
    ['a@b/C', 'a@b/c'],
    ['a@b', 'a@b/c'],
    ['ς@b', 'σ@b'],
    ['fußball@b', 'fussball@b'],
    ['ı@b', 'i@b'],
    ['İ@b', 'i@b'],
    ['a@faß.de', 'a@fass.de'],
    ['a@b/ﬁ', 'a@b/fi'],
    ['a b@C', 'a b@c'],
    ['A:b@c', 'a:b@c'],
    ['A@b/', 'a@b/'],
    ['A@b/', 'a@b'],
    ['@B', 'b'],
    ['@B', '@b'],
    ['A@', 'a@'],
    ['ﬁ@b', 'fi@b'],
    ['Ⅸ@b', 'ix@b'],
    ['a＠b', 'a@b'],
    ['ü@a＠b', 'ü@a@b'],
    ['a@ü%41.example', 'a@üa.example'],
    ['a@ü:80', 'a@ü'],
    ['a@ü?x', 'a@ü'],
    ['a@ü\\x', 'a@ü'],
    ['', 'a'],
    ['/', '@'],
  ]) {
    assert.notEqual(preparedJid(a), preparedJid(b), `${a} ${b}`);
    assert.equal(preparedJid(preparedJid(a)), preparedJid(a), a);
  }
});
