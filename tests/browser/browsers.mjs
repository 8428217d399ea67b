// Real browsers: Chromium over the DevTools protocol, Firefox over WebDriver BiDi. The errors of
// pages and workers are collected, so that a test can assert that there were none.

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

/** What Puppeteer tells Chromium about hidden tabs: to spare them nothing. */
const BACKGROUND = [
  '--disable-background-timer-throttling',
  '--disable-backgrounding-occluded-windows',
  '--disable-renderer-backgrounding',
];

/** The names of all browsers, for tests that run in each. */
export const BROWSERS = Object.keys(LAUNCH);

/**
 * Starts a browser with an empty profile.
 * @param {"chromium" | "firefox"} name
 * @param {{ args?: string[], host?: string, hearWorkers?: boolean }} options `host` is a name that
 * resolves to this machine; with `hearWorkers: false` no debugger is attached to shared workers,
 * which would delay their start until the test resumes them; with `throttles` Chromium runs the timers of a
 * tab that has been hidden for 5 s once a minute
 */
export async function launch(name, { args = [], host, hearWorkers = true, throttles = false } = {}) {
  const profile = await mkdtemp(join(tmpdir(), `epode-${name}-`));
  const options = LAUNCH[name];
  const browser = await puppeteer.launch({
    ...options,
    headless: true,
    userDataDir: profile,
    // The driver switches this off.
    ignoreDefaultArgs: throttles && BACKGROUND,
    args: [
      ...(options.args ?? []),
      ...(host && name === 'chromium' ? [`--host-resolver-rules=MAP ${host} 127.0.0.1`] : []),
      ...(throttles ? ['--enable-features=IntensiveWakeUpThrottling:grace_period_seconds/5'] : []),
      ...args,
    ],
    extraPrefsFirefox: host && { 'network.dns.localDomains': host },
    timeout: 90_000,
    protocolTimeout: 90_000,
  });
  /** The errors, as `{ where, text }`; `where` is the address of a page or worker. */
  const errors = [];
  /** Everything that scripts of pages and workers wrote on their consoles, at any level. */
  const lines = [];
  if (name === 'chromium' && hearWorkers)
    browser.on('targetcreated', (target) => listen(target, errors, lines));

  return {
    name,
    /** Puppeteer's own browser object. */
    browser,
    errors,
    lines,
    /**
     * Opens a page in a new tab; all tabs share one profile, and so their shared workers.
     * @returns {Promise<import("puppeteer-core").Page>}
     */
    async openTab(url) {
      const page = await browser.newPage();
      page.on('console', (message) => {
        // The browser's own messages about the network are not lines of a script; they quote whole
        // addresses.
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

/** Listens to the console of a shared worker, which only the DevTools protocol shows. */
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
    // The session stays attached when the worker crashes, and the next worker at the same address
    // then waits for it.
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
