import assert from 'node:assert/strict';
import { test } from 'node:test';
import { giveDom, load } from './load.mjs';

giveDom();
const { CASES, differential } = await load('tests/browser/pages/differential.ts');

test('what the tokeniser builds is what DOMParser builds', () => {
  assert.ok(CASES.length > 50);
  assert.deepEqual(differential(1, 2_000).slice(0, 3), []);
});
