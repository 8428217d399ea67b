// Real browsers: Chromium over the DevTools protocol, Firefox over WebDriver BiDi. What pages and workers
// complain about is collected, so that a test can say that nobody complained.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import puppeteer from 'puppeteer-core';

/** How each browser is started. */
export const LAUNCH = {
  chromium: {
    browser: 'chrome',
    executablePath: '/usr/bin/chromium',
    // The browser ends when the pipe closes, even if the test is killed.
    pipe: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  },
  firefox: {
    browser: 'firefox',
    executablePath: '/usr/bin/firefox-esr',
    protocol: 'webDriverBiDi',
  },
};

/** The names of all browsers, for tests that hold in each. */
export const BROWSERS = Object.keys(LAUNCH);

/**
 * Starts a browser with an empty profile.
 * @param {"chromium" | "firefox"} name
 * @param {{ args?: string[], host?: string, hearWorkers?: boolean }} options `host` is a name for this
 * machine; without `hearWorkers` nothing is attached to shared workers, which would make the start of one
 * wait for the test
 */
export async function launch(name, { args = [], host, hearWorkers = true } = {}) {
  const profile = await mkdtemp(join(tmpdir(), `epode-${name}-`));
  const options = LAUNCH[name];
  const browser = await puppeteer.launch({
    ...options,
    headless: true,
    userDataDir: profile,
    args: [
      ...(options.args ?? []),
      ...(host && name === 'chromium' ? [`--host-resolver-rules=MAP ${host} 127.0.0.1`] : []),
      ...args,
    ],
    extraPrefsFirefox: host && { 'network.dns.localDomains': host },
    timeout: 90_000,
    protocolTimeout: 90_000,
  });
  /** What was complained about: `{ where, text }`, `where` the address of a page or a worker. */
  const errors = [];
  /** What scripts of pages and workers wrote on their consoles, at whatever level. */
  const lines = [];
  if (name === 'chromium' && hearWorkers)
    browser.on('targetcreated', (target) => listen(target, errors, lines));

  return {
    name,
    /** Puppeteer's own browser, for what is not here. */
    browser,
    errors,
    lines,
    /**
     * Opens a page in a tab of its own; all tabs share one profile, so also their shared workers.
     * @returns {Promise<import("puppeteer-core").Page>}
     */
    async openTab(url) {
      const page = await browser.newPage();
      page.on('console', (message) => {
        // What the browser itself has to say of the network comes this way too, and quotes whole addresses.
        if (!/^(Failed to load resource|WebSocket connection to|Refused to )/.test(message.text()))
          lines.push(message.text());
        if (message.type() === 'error')
          errors.push({ where: message.location().url ?? page.url(), text: message.text() });
      });
      page.on('pageerror', (error) =>
        errors.push({ where: page.url(), text: String(error?.stack ?? error) }),
      );
      await page.goto(url, { waitUntil: 'load', timeout: 60_000 });
      return page;
    },
    async stop() {
      await browser.close();
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** The console of a shared worker belongs to no page; only the DevTools protocol shows it. */
async function listen(target, errors, lines) {
  if (target.type() !== 'shared_worker') return;
  const where = target.url();
  try {
    const session = await target.createCDPSession();
    session.on('Runtime.exceptionThrown', ({ exceptionDetails: { exception, text } }) =>
      errors.push({ where, text: exception?.description ?? text }),
    );
    session.on('Runtime.consoleAPICalled', ({ type, args }) => {
      const text = args.map((value) => value.description ?? String(value.value)).join(' ');
      lines.push(text);
      if (type === 'error') errors.push({ where, text });
    });
    // A session stays attached to a worker that is gone, and its successor at the same address then waits for
    // it.
    session.on('Inspector.targetReloadedAfterCrash', () => resume(session));
    await session.send('Runtime.enable');
  } catch {
    // The worker was gone before it could be listened to.
  }
}

async function resume(session) {
  try {
    await session.send('Runtime.enable');
    await session.send('Runtime.runIfWaitingForDebugger');
  } catch {
    // Gone again.
  }
}
