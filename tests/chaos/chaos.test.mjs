// A short run of chaos. `cargo xtask chaos --seed N` runs a long one.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { launch } from '../browser/browsers.mjs';
import { startWeb } from '../browser/web.mjs';
import { startProsody } from '../servers/prosody.mjs';
import { CHAOS_ROOTS, chaos, summary } from './run.mjs';

const SHORT = {
  seed: 1,
  tabs: 16,
  messages: 400,
  breaks: 3,
  restarts: 0,
  reloads: 2,
  crashes: 1,
  freezes: 0,
};

describe('chaos', () => {
  const stage = {};
  before(async () => {
    stage.web = await startWeb(CHAOS_ROOTS);
    stage.browser = await launch('chromium');
  });
  after(async () => {
    await stage.browser?.stop();
    await stage.web?.stop();
  });

  /** Runs a plan against a server of its own. */
  async function run(t, startServer, plan) {
    const server = await startServer();
    try {
      const verdict = await chaos({ ...stage, server, say: (line) => t.diagnostic(line) }, plan);
      t.diagnostic(summary(verdict));
      return verdict;
    } finally {
      await server.stop();
    }
  }

  // Shows that a run can fail: bytes are on their way when a wire that delays them is cut.
  test('without stream management messages are lost, and the verdict says so', async (t) => {
    const { violations } = await run(t, startProsody, {
      ...SHORT,
      reloads: 0,
      crashes: 0,
      kinds: ['delay'],
      options: { enableStreamManagement: false },
    });
    assert.ok(
      violations.some((violation) => violation.endsWith('was acknowledged and is lost')),
      'nothing was lost',
    );
    assert.ok(violations.some((violation) => violation.endsWith('redials did not resume the session')));
  });
});
