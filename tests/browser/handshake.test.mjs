// What the server sees of a WebSocket before the first frame: at which address it is opened, and with which cookies.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { BROWSERS } from "./browsers.mjs";
import { Stage } from "./stage.mjs";

for (const name of BROWSERS) {
  for (const worker of ["/epode-worker.js", ""]) {
    describe(`in ${name}, ${worker ? "with" : "without"} a worker`, () => {
      let stage;
      before(async () => (stage = await Stage.open(name)));
      after(() => stage?.close());

      /** Connects from a page of the service's own host by what `make` makes there, and logs out; answers with the handshake. */
      const handshake = async (t, make, ...args) => {
        const scene = await stage.scene(t);
        stage.web.upgrade = scene.wire.upgrade;
        t.after(() => (stage.web.upgrade = undefined));
        const tab = await scene.open();
        await tab.evaluate(make, worker, ...args);
        await tab.connect(scene.jid, scene.password);
        assert.equal(await tab.up(), "CONNECTED");
        const cookies = await tab.evaluate(() => document.cookie);
        // Else the worker would dial again, at the next test's wire.
        await tab.evaluate(() => connection.disconnect());
        await tab.status("DISCONNECTED");
        return { ...scene.wire.connections[0], cookies };
      };

      for (const [service, path] of [
        ["/xmpp", "/xmpp"],
        ["xmpp?v=1", "/pages/xmpp?v=1"],
      ]) {
        test(`the service ${service} is at ${path} of the page's host`, async (t) => {
          const make = (worker, service) => void window.make(service, { worker, protocol: "ws" });
          const { path: asked, headers } = await handshake(t, make, service);
          assert.equal(asked, path);
          assert.equal(headers.host, new URL(stage.web.origin).host);
          assert.equal(headers["sec-websocket-protocol"], "xmpp");
        });
      }

      test("the server sees the cookies that the constructor wrote", async (t) => {
        const { path, headers, cookies } = await handshake(t, (worker) => {
          const cookies = {
            folder: "a=b",
            rooted: { value: "1", path: "/" },
            placed: { value: "there", path: "/elsewhere/xmpp", expires: new Date(Date.now() + 60_000), domain: location.hostname },
            past: { value: "unseen", path: "/", expires: new Date(1) },
          };
          window.make("/elsewhere/xmpp", { worker, protocol: "ws", cookies });
        });
        assert.equal(path, "/elsewhere/xmpp");
        assert.deepEqual(headers.cookie.split("; ").sort(), ["placed=there", "rooted=1"]);
        assert.deepEqual(cookies.split("; ").sort(), ["folder=a=b", "rooted=1"]);
      });
    });
  }
}
