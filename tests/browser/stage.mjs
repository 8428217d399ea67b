// What a file of tests shares, one server and one browser, and what each test has for itself: a scene.

import assert from 'node:assert/strict';

import { startProsody } from '../servers/prosody.mjs';
import { App } from './apps.mjs';
import { launch } from './browsers.mjs';
import { Peer } from './peer.mjs';
import { ROOTS, startWeb } from './web.mjs';
import { startWire } from './wire.mjs';

/** One browser in front of one server. */
export class Stage {
  #scenes = 0;

  /**
   * @param {() => Promise<object>} startServer nothing is started for `null`
   * @param {{ host?: string, args?: string[] }} options `host`, by which pages know the web server: over
   * plain http any but `localhost` is no secure context
   */
  static async open(name, startServer = startProsody, { host, args } = {}) {
    const stage = new Stage();
    stage.name = name;
    stage.server = await startServer?.();
    stage.web = await startWeb(ROOTS, host);
    stage.browser = await launch(name, { args, host });
    return stage;
  }

  /** A scene for one test; it ends with the test. */
  async scene(test, { service, quiet = true } = {}) {
    const scene = new Scene(this, `user${++this.#scenes}`);
    // Each scene has a wire, and so a service of its own: what a worker still does for an earlier one touches
    // nothing here.
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

/** What one test sees: an account, a wire in front of the server, tabs, and other people. */
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

  /** Opens tabs, the first of which connects before the others do. */
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

  /** Somebody else on the same server. */
  async peer(name) {
    const user = `${this.user}-${name}`;
    await this.server.register(user, 'secret');
    const peer = await Peer.login(this.server, user, 'secret');
    this.#peers.push(peer);
    return peer;
  }

  /** The sessions that the server has of this account. */
  async sessions() {
    const sessions = await this.server.sessions();
    return sessions.map(({ jid }) => jid).filter((jid) => jid.startsWith(`${this.jid}/`));
  }

  /** How often somebody authenticated over the wire. */
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
