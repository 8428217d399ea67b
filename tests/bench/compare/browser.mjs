// Browsers without a debugger. A debugger attached to a page, as in the tests, more than doubles
// the cost of each frame of its WebSockets; here Chromium is only told to open and close pages.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import puppeteer from 'puppeteer-core';

import { LAUNCH, launch } from '../../browser/browsers.mjs';
import { until } from '../../servers/keeper.mjs';

/**
 * Starts a browser with an empty profile.
 * @returns `pid`; `open(url)`, which returns a function that closes the tab; `visitor()`, a profile of
 * its own, also empty, with such an `open`, with `endWorkers()` and with `leave()`; and, in Chromium,
 * `collectGarbage()`
 */
export const openBrowser = (name) => (name === 'firefox' ? openFirefox() : openChromium());

async function openChromium() {
  const { args, executablePath } = LAUNCH.chromium;
  const userDataDir = await mkdtemp(join(tmpdir(), 'epode-bench-'));
  const all = [
    ...puppeteer.defaultArgs({ browser: 'chrome', headless: true, userDataDir, args }),
    '--remote-debugging-pipe',
  ];
  // The browser ends when the pipes close, even if this process is killed.
  const child = spawn(executablePath, all, { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'exit');
  const send = commander(child.stdio[3], child.stdio[4]);
  const opener = (context) => async (url) => {
    const { targetId } = await send('Target.createTarget', { url, ...context });
    return () => send('Target.closeTarget', { targetId });
  };

  /** Ends the shared workers of a profile; returns whether there was none. */
  const endWorkers = async ({ browserContextId }) => {
    const { targetInfos } = await send('Target.getTargets');
    const workers = targetInfos.filter(
      (target) => target.type === 'shared_worker' && target.browserContextId === browserContextId,
    );
    for (const { targetId } of workers) await send('Target.closeTarget', { targetId });
    return workers.length === 0;
  };

  return {
    pid: child.pid,
    open: opener({}),
    async visitor() {
      const context = await send('Target.createBrowserContext');
      return {
        open: opener(context),
        endWorkers: () => until(() => endWorkers(context), { what: 'the end of the shared workers' }),
        leave: () => send('Target.disposeBrowserContext', context),
      };
    },
    async collectGarbage() {
      const { targetInfos } = await send('Target.getTargets');
      for (const { targetId, type } of targetInfos) {
        if (!['page', 'shared_worker'].includes(type)) continue;
        const { sessionId } = await send('Target.attachToTarget', { targetId, flatten: true });
        await send('HeapProfiler.collectGarbage', {}, sessionId);
        await send('Target.detachFromTarget', { sessionId });
      }
    },
    async stop() {
      await send('Browser.close').catch(() => {});
      await ended;
      await rm(userDataDir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** The DevTools protocol over a pair of pipes: JSON messages, each ended by a zero byte. */
function commander(input, output) {
  const waiting = new Map();
  let id = 0;
  let rest = '';
  output.setEncoding('utf8').on('data', (text) => {
    const messages = (rest + text).split('\0');
    rest = messages.pop();
    for (const message of messages) {
      const { id, result, error } = JSON.parse(message);
      const { resolve, reject } = waiting.get(id) ?? {};
      waiting.delete(id);
      if (error) reject?.(new Error(error.message));
      else resolve?.(result);
    }
  });
  const gone = () => {
    for (const { reject } of waiting.values()) reject(new Error('the browser has ended'));
  };
  output.on('close', gone);
  input.on('error', gone);
  return (method, params = {}, sessionId = undefined) =>
    new Promise((resolve, reject) => {
      waiting.set(++id, { resolve, reject });
      input.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });
}

async function openFirefox() {
  const { browser, openTab, stop } = await launch('firefox');
  return {
    pid: browser.process().pid,
    async open(url) {
      const page = await openTab(url);
      return () => page.close();
    },
    async visitor() {
      const context = await browser.createBrowserContext();
      return {
        async open(url) {
          const page = await context.newPage();
          await page.goto(url);
          return () => page.close();
        },
        // Firefox ends a shared worker with its last tab.
        endWorkers: async () => {},
        leave: () => context.close(),
      };
    },
    stop,
  };
}
