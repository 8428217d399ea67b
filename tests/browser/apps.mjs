// Tabs that run the page app.html, and the questions that tests ask them.

import { startWeb } from './web.mjs';

/** Repeats `ask` until its answer is truthy; returns the answer. */
export async function eventually(what, ask, limit = 20_000) {
  const deadline = performance.now() + limit;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (performance.now() > deadline) throw new Error(`${what} did not happen within ${limit} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A tab. */
export class App {
  constructor(page, service, options) {
    this.page = page;
    this.service = service;
    this.options = options;
  }

  /**
   * Opens a tab that is not connected yet.
   * @param {{ service: string, options?: object, path?: string }} how `options` for the connection,
   * and the `path` of the page
   */
  static async open(browser, web, { service, options = {}, path = '/pages/app.html' }) {
    const app = new App(await browser.openTab(web.url(path)), service, options);
    await app.#make();
    return app;
  }

  connect(jid, password) {
    return this.page.evaluate(
      (jid, password) => window.connection.connect(jid, password, window.onStatus),
      jid,
      password,
    );
  }

  attach() {
    return this.page.evaluate(() => window.connection.attach(window.onStatus));
  }

  heard() {
    return this.page.evaluate(() => window.heard);
  }

  async statuses() {
    return (await this.heard()).statuses.map(({ status }) => status);
  }

  /** Waits for a status; returns its condition and reason. */
  status(name, limit) {
    return this.eventually(
      `the status ${name}`,
      ({ statuses }) => statuses.find(({ status }) => status === name),
      limit,
    );
  }

  /** Waits for CONNECTED or ATTACHED; returns the one that was reported. */
  up(limit) {
    const isUp = ({ status }) => status === 'CONNECTED' || status === 'ATTACHED';
    return this.eventually('CONNECTED or ATTACHED', ({ statuses }) => statuses.find(isUp)?.status, limit);
  }

  /** Waits until `ask` returns a truthy value for the records of the tab (see app.js). */
  eventually(what, ask, limit) {
    return eventually(what, async () => ask(await this.heard()), limit).catch(async (error) => {
      throw new Error(`${error.message}; heard ${JSON.stringify(await this.heard())}`);
    });
  }

  /** Sends a chat message; returns its receipt. */
  say(to, body) {
    return this.evaluate(
      (to, body) => connection.send(epode.$msg({ to, type: 'chat' }).c('body').t(body)),
      to,
      body,
    );
  }

  /**
   * Sends an IQ; returns the argument of the callback that `sendIQ` called: `{ ok }` or `{ err }`, as XML.
   */
  ask(iq, timeout) {
    return this.evaluate((iq, timeout) => window.ask(iq, timeout), iq, timeout);
  }

  /** Waits until everything that the server sent earlier has arrived in this tab. */
  async settle() {
    const { ok } = await this.ask(`<iq type="get"><ping xmlns="urn:xmpp:ping"/></iq>`, 10_000);
    if (!ok) throw new Error('the server does not answer a ping');
  }

  /** Reloads the page, which is then not connected. */
  async reload() {
    await this.page.reload({ waitUntil: 'load' });
    await this.#make();
  }

  evaluate(...args) {
    return this.page.evaluate(...args);
  }

  /** Closes the tab as a user does. */
  async close() {
    if (!this.page.isClosed()) await this.page.close();
  }

  async #make() {
    await eventually("the page's script", () => this.page.evaluate(() => window.ready === true));
    await this.page.evaluate(
      (service, options) => void window.make(service, options),
      this.service,
      this.options,
    );
  }
}

/** The web server for the pages. */
export { startWeb };
