// The declarations that the build has written, checked by the compiler.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';

const root = fileURLToPath(new URL('../..', import.meta.url));

test('the declarations allow what works and refuse what does not', () => {
  const { status, stdout, stderr } = spawnSync(
    'node_modules/.bin/tsc',
    ['--pretty', 'false', '--project', 'client-shim/tests'],
    {
      cwd: root,
      encoding: 'utf8',
    },
  );
  assert.equal(status, 0, stdout + stderr);
});
