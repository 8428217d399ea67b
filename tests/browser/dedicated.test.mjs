// Where the browser has no SharedWorker, the same script is the worker of each page alone.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { BROWSERS } from "./browsers.mjs";
import { Stage } from "./stage.mjs";

for (const name of BROWSERS) {
  describe(`in ${name}, without SharedWorker`, () => {
    let stage;
    before(async () => {
      stage = await Stage.open(name);
      const page = await (await fetch(stage.web.url("/pages/app.html"))).text();
      stage.web.overrides.set("/pages/app.html", { body: page.replace("<script", "<script>delete window.SharedWorker</script><script") });
    });
    after(() => stage.close());

    test("each tab has a session of its own, and the app sees no other difference", async (t) => {
      const scene = await stage.scene(t);
      const tabs = [await scene.open(), await scene.open()];
      for (const [index, tab] of tabs.entries()) {
        await tab.connect(`${scene.jid}/tab${index}`, scene.password);
        assert.equal(await tab.up(), "CONNECTED");
        assert.equal(await tab.evaluate(() => typeof SharedWorker), "undefined");
      }
      assert.equal(scene.wire.connections.length, 2);
      const peer = await scene.peer("peer");
      for (const [index, tab] of tabs.entries()) {
        peer.say(`${scene.jid}/tab${index}`, `for ${index}`);
        await tab.eventually("the message", ({ messages }) => messages.includes(`for ${index}`));
      }
      await tabs[0].close();
      await tabs[1].settle();
      assert.deepEqual((await tabs[1].heard()).messages, ["for 1"]);
      assert.deepEqual(await tabs[1].statuses(), ["CONNECTING", "AUTHENTICATING", "CONNECTED"]);
    });
  });
}
