// Tabs that run Converse, and what a person does and sees there.

import { join } from 'node:path';

import { eventually } from '../../browser/apps.mjs';
import { Peer } from '../../browser/peer.mjs';
import { startWeb } from '../../browser/web.mjs';
import { startWire } from '../../browser/wire.mjs';

/** What Converse calls a room in which it is. */
const ENTERED = 5;

let scenes = 0;

/** The parts of a test: an origin, with storage and workers of its own; an account; a wire; tabs. */
export class Scene {
  password = 'secret';
  #tabs = [];
  #peers = [];

  /**
   * @param {{ script: string, worker?: string }} app the addresses of Converse and of the worker
   */
  static async open(test, { folder, server, browser }, { script, worker = '' }) {
    const scene = new Scene();
    Object.assign(scene, { server, browser, test });
    scene.user = `user${++scenes}`;
    // Where a server draws a new salt for each login, Converse cannot log in by the keys that it keeps.
    scene.domain = server.name === 'prosody' ? 'hashed.localhost' : 'scram.localhost';
    scene.jid = await server.register(scene.user, scene.password, scene.domain);
    scene.wire = await startWire({ upstream: server.ws });
    scene.web = await startWeb({
      '/': `${folder}/`,
      '/dist/': join(folder, 'node_modules/converse.js/dist/'),
      '/epode/': join(folder, 'node_modules/epode/dist/'),
      '/strophe/': join(folder, 'node_modules/strophe.js/dist/'),
    });
    scene.address = scene.web.url(
      `/index.html?${new URLSearchParams({ script, worker, service: scene.wire.url })}`,
    );
    test.after(() => scene.end());
    return scene;
  }

  /** Opens a tab. */
  async open() {
    const chat = new Chat(await this.browser.openTab(this.address));
    this.#tabs.push(chat);
    await chat.loaded();
    return chat;
  }

  /** A tab that has logged in by the form, and a second one, which is in without a password. */
  async two() {
    const first = await this.open();
    await first.logIn(this.jid, this.password);
    await first.online();
    const second = await this.open();
    await second.online();
    return [first, second];
  }

  /** Another user of the server. */
  async peer(name) {
    const user = `${this.user}-${name}`;
    await this.server.register(user, 'secret', this.domain);
    const peer = await Peer.login(this.server, user, 'secret', this.domain);
    peer.send('<presence xmlns="jabber:client"/>');
    this.#peers.push(peer);
    return peer;
  }

  /** A guest who has entered a room. */
  async guest(room) {
    const guest = await this.peer('guest');
    const join = '<x xmlns="http://jabber.org/protocol/muc"/>';
    guest.send(`<presence xmlns="jabber:client" to="${room}/guest">${join}</presence>`);
    await guest.frame(/code=['"]110['"]/);
    return guest;
  }

  /** The sessions of the account that have a connection. */
  async sessions() {
    const sessions = await this.server.sessions();
    return sessions.filter(({ jid, hibernating }) => !hibernating && jid.startsWith(`${this.jid}/`));
  }

  async end() {
    if (process.env.SCREENSHOTS) await this.#look(process.env.SCREENSHOTS);
    for (const peer of this.#peers) peer.close();
    for (const { page } of this.#tabs) if (!page.isClosed()) await page.close();
    await this.wire.stop();
    await this.web.stop();
    this.browser.errors.length = 0;
  }

  /** Takes a picture of each tab into a folder, and notes its statuses and events. */
  async #look(folder) {
    const tabs = this.#tabs.filter(({ page, hasCrashed }) => !page.isClosed() && !hasCrashed);
    for (const [index, chat] of tabs.entries()) {
      await chat.page.bringToFront();
      const name = `${this.test.name.replace(/\W+/g, '-')}-${index}.png`;
      await chat.page.screenshot({ path: join(folder, name) });
      this.test.diagnostic(`${name}: ${JSON.stringify(await chat.heard())}`);
    }
  }
}

/**
 * Sends a message as clients do, with an origin's id (XEP-0359), by which Converse keeps the message.
 * Without, each tab keeps it by an id of its own, and a reload may find both in the storage that tabs share.
 */
export function say(peer, to, body, type = 'chat') {
  const id = body.replaceAll(' ', '-');
  const content = `<body>${body}</body><origin-id xmlns="urn:xmpp:sid:0" id="${id}"/>`;
  peer.send(`<message xmlns="jabber:client" to="${to}" type="${type}" id="${id}">${content}</message>`);
}

/** A tab. */
export class Chat {
  constructor(page) {
    this.page = page;
  }

  loaded() {
    return this.eventually('the start of Converse', () => !!window.inner?.state.connfeedback);
  }

  /** Fills in the form. */
  async logIn(jid, password) {
    await this.page.bringToFront();
    await this.eventually('the form', () => !!document.querySelector('#converse-login-jid'));
    for (const [field, text] of [
      ['#converse-login-jid', jid],
      ['#converse-login-password', password],
    ]) {
      await this.page.$eval(field, (input) => (input.value = ''));
      await this.page.type(field, text);
    }
    await this.page.click('#converse-login [type=submit]');
  }

  /** Makes an account by the other form, which logs in to it. */
  async register(domain, name, password) {
    await this.page.bringToFront();
    await this.eventually('the form', () => !!document.querySelector('#converse-login-jid'));
    await this.page.evaluate(() => void (location.hash = '#converse/register'));
    // The list of servers is of another host.
    const toggle = '.manual-registration-domain__toggle a';
    await this.eventually('the other form', (toggle) => !!document.querySelector(toggle), undefined, toggle);
    await this.page.click(toggle);
    const fill = async (fields) => {
      for (const [field, text] of Object.entries(fields)) {
        const input = `#converse-register [name=${field}]`;
        await this.eventually(input, (input) => !!document.querySelector(input), undefined, input);
        await this.page.type(input, text);
      }
      await this.page.click('#converse-register [type=submit]');
    };
    await fill({ domain });
    await fill({ username: name, password });
  }

  /** Waits until Converse shows the person's own name and status, with the contacts. */
  online(limit) {
    const isOnline = () =>
      inner.api.connection.authenticated() && !!document.querySelector('converse-user-profile .xmpp-status');
    return this.eventually('the view of somebody who is online', isOnline, limit);
  }

  /** Whether the form is shown. */
  isOut() {
    return this.page.evaluate(() => !!document.querySelector('#converse-login-jid'));
  }

  /** Writes a message to a contact, and sends it. */
  async say(jid, text) {
    await this.show(jid);
    await this.page.bringToFront();
    await this.page.type(`[jid="${jid}"] .chat-textarea`, text);
    await this.page.keyboard.press('Enter');
  }

  /** Shows the chat with a contact, or a room that was entered. */
  async show(jid) {
    await this.page.evaluate((jid) => {
      const isRoom = inner.state.chatboxes.get(jid)?.get('type') === 'chatroom';
      void (isRoom ? inner.api.rooms : inner.api.chats).open(jid, {}, true);
    }, jid);
    await this.eventually(
      `the chat with ${jid}`,
      (jid) => !!document.querySelector(`[jid="${jid}"] .chat-textarea`),
      20_000,
      jid,
    );
  }

  /** Enters a room. */
  async enter(room, nick) {
    await this.page.evaluate((room, nick) => void inner.api.rooms.open(room, { nick }, true), room, nick);
    await this.entered(room);
    await this.show(room);
  }

  /** Waits until Converse is in a room. */
  entered(room, limit) {
    const isIn = async (room, entered) => {
      const model = await inner.api.rooms.get(room);
      return model?.session?.get('connection_status') === entered;
    };
    return this.eventually(`the room ${room}`, isIn, limit, room, ENTERED);
  }

  /** Waits until the chat shows a message, and looks again a moment later: it is there once. */
  async sees(jid, text, limit) {
    await this.show(jid);
    const count = (jid, text) =>
      [...document.querySelectorAll(`[jid="${jid}"] .chat-msg__text`)].filter(
        (element) => element.textContent.trim() === text,
      ).length;
    await this.eventually(`"${text}"`, count, limit, jid, text);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const found = await this.page.evaluate(count, jid, text);
    if (found !== 1) throw new Error(`"${text}" is shown ${found} times`);
  }

  /** What may explain why something did not happen. */
  state() {
    return this.page.evaluate(() => {
      const { connection, state } = window.inner?.api
        ? { ...inner, connection: inner.api.connection.get() }
        : {};
      return {
        heard: window.heard,
        visible: document.visibilityState,
        chats: state?.chatboxes?.map((box) => [
          box.get('jid'),
          box.get('hidden'),
          box.initialized?.isResolved,
        ]),
        shown: [...document.querySelectorAll('converse-chat, converse-muc')].map((view) =>
          view.getAttribute('jid'),
        ),
        // Requests without an answer are handlers with an id.
        asks: connection?.handlers?.filter(({ id }) => id).map(({ id }) => id),
      };
    });
  }

  /** The statuses and events of Converse since the page was loaded. */
  heard() {
    return this.page.evaluate(() => window.heard);
  }

  async reload() {
    await this.page.bringToFront();
    await this.page.reload({ waitUntil: 'load' });
    await this.loaded();
  }

  /** Waits until `ask`, in the page, answers with something truthy. */
  eventually(what, ask, limit, ...args) {
    return eventually(what, () => this.page.evaluate(ask, ...args), limit).catch(async (error) => {
      throw new Error(`${error.message}; ${JSON.stringify(await this.state().catch(() => 'no answer'))}`);
    });
  }
}
