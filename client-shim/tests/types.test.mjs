// Has the compiler check the declarations that the build wrote.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';

const root = fileURLToPath(new URL('../..', import.meta.url));

test('the declarations accept correct calls and reject wrong ones', () => {
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
