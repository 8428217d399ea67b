// A short run of chaos. `cargo xtask chaos --seed N` runs a long one.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { launch } from '../browser/browsers.mjs';
import { startWeb } from '../browser/web.mjs';
import { startEjabberd } from '../servers/ejabberd.mjs';
import { startProsody } from '../servers/prosody.mjs';
import { CHAOS_ROOTS, KINDS, chaos, summary } from './run.mjs';

/** A browser notices silence only after 15 s, which is for the long run. */
const kinds = KINDS.filter((kind) => kind !== 'silence');
const SHORT = {
  tabs: 16,
  messages: 400,
  breaks: 3,
  restarts: 0,
  reloads: 0,
  crashes: 0,
  freezes: 0,
  kinds,
  patience: 1_000,
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

  // Nothing but the network misbehaves, so there is no report at all.
  test('each message arrives once, in order, at every tab: Prosody', async (t) => {
    const { violations, count } = await run(t, startProsody, { ...SHORT, seed: 1 });
    assert.deepEqual(violations, []);
    const { sent, acknowledged, resent, maybeTwice, gaps, bound } = count;
    assert.deepEqual([acknowledged, resent, maybeTwice, gaps, bound], [sent, 0, 0, 0, 0]);
    const { twice, serverDoubled, serverDisordered, serverLost } = count;
    assert.deepEqual([twice, serverDoubled, serverDisordered, serverLost], [0, 0, 0, 0]);
  });

  test('also over a restart, while tabs reload, freeze and crash: ejabberd', async (t) => {
    const disturbed = { breaks: 2, restarts: 1, reloads: 2, crashes: 1, freezes: 1 };
    const { violations } = await run(t, startEjabberd, { ...SHORT, ...disturbed, seed: 2 });
    assert.deepEqual(violations, []);
  });

  // Shows that a run can fail: bytes are on their way when a wire that delays them is cut.
  test('without stream management messages are lost, and the verdict says so', async (t) => {
    const unmanaged = { tabs: 4, kinds: ['delay'], options: { enableStreamManagement: false } };
    const { violations } = await run(t, startProsody, {
      ...SHORT,
      ...unmanaged,
      messages: 200,
      breaks: 1,
      seed: 3,
    });
    const said = (end) => violations.some((violation) => violation.endsWith(end));
    assert.ok(said('was written and is lost'), 'nothing was lost');
    assert.ok(said('redials bound anew, and the server had refused nothing'), 'nothing was bound anew');
  });
});
