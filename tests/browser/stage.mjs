// A stage, shared by the tests of a file: one server and one browser. A scene: what each test has
// for itself.

import assert from 'node:assert/strict';

import { startProsody } from '../servers/prosody.mjs';
import { App } from './apps.mjs';
import { launch } from './browsers.mjs';
import { Peer } from './peer.mjs';
import { ROOTS, startWeb } from './web.mjs';
import { startWire } from './wire.mjs';

/** A browser in front of a server. */
export class Stage {
  #scenes = 0;

  /** Starts a server and a browser; `how` is for the browser. */
  static async open(name, startServer = startProsody, { host, ...how } = {}) {
    const stage = new Stage();
    stage.name = name;
    stage.server = await startServer?.();
    stage.web = await startWeb(ROOTS, host);
    stage.browser = await launch(name, { host, ...how });
    return stage;
  }

  /** A scene that ends with the test. A `quiet` one fails if there were errors on the console. */
  async scene(test, { service, quiet = true } = {}) {
    const scene = new Scene(this, `user${++this.#scenes}`);
    // A wire of its own gives each scene its own service address, so a worker's leftover work for
    // an earlier scene has no effect here.
    if (!service && this.server) scene.wire = await startWire({ upstream: this.server.ws });
    scene.service = service ?? scene.wire?.url;
    if (this.server) scene.jid = await this.server.register(scene.user, scene.password);
    test.after(async () => {
      await scene.end();
      const errors = this.browser.errors.splice(0);
      if (quiet) assert.deepEqual(errors, [], 'somebody complained');
    });
    return scene;
  }

  async close() {
    await this.browser?.stop();
    await this.web?.stop();
    await this.server?.stop();
  }
}

/** The parts of a test: an account, a wire in front of the server, tabs, and other users. */
class Scene {
  password = 'secret';
  /** The bare JID of the account. */
  jid = '';
  #tabs = [];
  #peers = [];

  constructor(stage, user) {
    this.stage = stage;
    this.user = user;
    this.server = stage.server;
  }

  /** Opens a tab; nothing is connected yet. */
  async open(options = {}) {
    const tab = await App.open(this.stage.browser, this.stage.web, { service: this.service, ...options });
    this.#tabs.push(tab);
    return tab;
  }

  /** Opens tabs and connects them, the first before the others. */
  async connected(count, options) {
    const tabs = [];
    for (let i = 0; i < count; i++) tabs.push(await this.open(options));
    for (const [index, tab] of tabs.entries()) {
      await tab.connect(`${this.jid}/tab${index}`, this.password);
      if (index === 0) await tab.up();
    }
    await Promise.all(tabs.map((tab) => tab.up()));
    return tabs;
  }

  /** Another user of the server. */
  async peer(name) {
    const user = `${this.user}-${name}`;
    await this.server.register(user, 'secret');
    const peer = await Peer.login(this.server, user, 'secret');
    this.#peers.push(peer);
    return peer;
  }

  /** The sessions of this account on the server, but for those without a connection (XEP-0198). */
  async sessions() {
    const sessions = await this.server.sessions();
    const live = sessions.filter(({ hibernating }) => !hibernating);
    return live.map(({ jid }) => jid).filter((jid) => jid.startsWith(`${this.jid}/`));
  }

  /** The number of logins over the wire. */
  logins() {
    return this.wire.connections
      .flatMap((connection) => connection.texts('client'))
      .filter((text) => text.startsWith('<auth')).length;
  }

  async end() {
    for (const peer of this.#peers) peer.close();
    await Promise.all(this.#tabs.map((tab) => tab.close()));
    await this.wire?.stop();
  }
}
