import assert from 'node:assert/strict';
import { test } from 'node:test';
import { giveDom, load } from './load.mjs';

giveDom();
const { CASES, differential } = await load('tests/browser/pages/differential.ts');

test('the tokeniser builds the same element as DOMParser', () => {
  assert.ok(CASES.length > 50);
  assert.deepEqual(differential(1, 2_000).slice(0, 3), []);
});
