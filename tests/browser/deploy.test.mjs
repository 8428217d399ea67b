// After a deploy the worker script has another address: pages of before share one worker, pages of now another.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { BROWSERS } from "./browsers.mjs";
import { Stage } from "./stage.mjs";

for (const name of BROWSERS) {
  describe(`in ${name}, two workers`, () => {
    let stage;
    before(async () => (stage = await Stage.open(name)));
    after(() => stage.close());

    test("do not fight over an account: the newer takes it over, and pages of before hear what to do", async (t) => {
      const scene = await stage.scene(t);
      const [old] = await scene.connected(1);
      const fresh = await scene.open({ options: { worker: "/epode-worker.js?v=2" } });
      await fresh.connect(`${scene.jid}/tab0`, scene.password);
      assert.equal(await fresh.up(), "CONNECTED");
      assert.match((await old.status("DISCONNECTED")).condition, /newer version of this app took over/);

      await old.connect(`${scene.jid}/tab0`, scene.password);
      assert.match((await old.status("CONNFAIL")).condition, /newer version of this app has the session/);
      assert.deepEqual(await fresh.statuses(), ["CONNECTING", "AUTHENTICATING", "CONNECTED"]);
      assert.equal(scene.wire.open().length, 1);
      assert.match(scene.wire.connections[0].texts("client").at(-1), /^<close/);
    });

    test("have different accounts at the same time", async (t) => {
      const scene = await stage.scene(t);
      const other = await stage.scene(t);
      const [old] = await scene.connected(1);
      const [fresh] = await other.connected(1, { options: { worker: "/epode-worker.js?v=2" } });
      await old.settle();
      assert.deepEqual(await old.statuses(), await fresh.statuses());
    });
  });
}
