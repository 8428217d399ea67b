// Tabs that run the page app.html, and the questions a test puts to them.

import { startWeb } from "./web.mjs";

/** Waits until `ask` answers with something truthy, and answers with it. */
export async function eventually(what, ask, limit = 20_000) {
  const deadline = performance.now() + limit;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (performance.now() > deadline) throw new Error(`${what} did not happen within ${limit} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** One tab. */
export class App {
  constructor(page) {
    this.page = page;
  }

  /** Opens a tab; nothing is connected yet. */
  static async open(browser, web, { service, options, path = "/pages/app.html" }) {
    const page = await browser.openTab(web.url(path));
    const app = new App(page);
    await eventually("the page's script", () => page.evaluate(() => window.ready === true));
    await page.evaluate((service, options) => void window.make(service, options), service, options ?? {});
    return app;
  }

  connect(jid, password) {
    return this.page.evaluate((jid, password) => window.connection.connect(jid, password, window.onStatus), jid, password);
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

  /** Waits for a status; answers with its condition and reason. */
  status(name, limit) {
    return eventually(`the status ${name}`, async () => (await this.heard()).statuses.find(({ status }) => status === name), limit).catch(
      async (error) => {
        throw new Error(`${error.message}; heard ${JSON.stringify(await this.heard())}`);
      },
    );
  }

  /** Waits for CONNECTED or ATTACHED; answers with which. */
  up(limit) {
    return eventually("CONNECTED or ATTACHED", async () => (await this.statuses()).find((name) => name === "CONNECTED" || name === "ATTACHED"), limit).catch(
      async (error) => {
        throw new Error(`${error.message}; heard ${JSON.stringify(await this.heard())}`);
      },
    );
  }

  evaluate(...args) {
    return this.page.evaluate(...args);
  }
}

/** A web server for the pages, which is always the same. */
export { startWeb };
