// For tests of the life of tabs: a worker of their own, the worker's list of tabs, and ways for a
// tab to end.

import { eventually } from './apps.mjs';

let workers = 0;

/**
 * Options for the tabs of one scene: a worker that no earlier scene started, so that it lives in
 * the process of the first tab.
 */
export const ownWorker = (options = {}) => ({
  options: { worker: `/epode-worker.js?${++workers}`, ...options },
});

/** The worker's list of tabs, as this tab gets it. */
export const books = (tab) => tab.evaluate(() => connection.tabs());

/** The entry of this tab in the worker's list. */
export const own = async (tab) => (await books(tab)).find(({ own }) => own);

/** Waits until `ask` accepts the worker's list; returns the list. */
export const booked = (what, tab, ask) =>
  eventually(what, async () => {
    const known = await books(tab);
    return ask(known) && known;
  });

/**
 * How many milliseconds after the beginning of `go` the tab has left the list that `observer` gets;
 * 10,000 if it is still there by then.
 */
export async function goneAfter(observer, tab, go) {
  const { tab: name } = await own(tab);
  const gone = observer.evaluate(async (name) => {
    const deadline = performance.now() + 10_000;
    while (performance.now() < deadline && (await connection.tabs()).some(({ tab }) => tab === name));
    return performance.timeOrigin + performance.now();
  }, name);
  // Waits until the observer polls.
  await observer.evaluate(() => 0);
  const begun = performance.timeOrigin + performance.now();
  const [at] = await Promise.all([gone, go(tab)]);
  return at - begun;
}

/** Crashes the process of a tab, with everything in it. */
export async function crash(tab) {
  const session = await tab.page.createCDPSession();
  // A crashed page does not answer.
  session.send('Page.crash').catch(() => {});
}

/** Freezes a tab, as Chromium does in the background to save power; returns a function that thaws it. */
export async function freeze(tab) {
  const session = await tab.page.createCDPSession();
  await session.send('Page.setWebLifecycleState', { state: 'frozen' });
  return () => session.send('Page.setWebLifecycleState', { state: 'active' });
}

/** Returns a function that takes a worker offline or online. */
export async function networkOf({ browser }, script) {
  const target = browser
    .targets()
    .find((target) => target.type() === 'shared_worker' && target.url().endsWith(script));
  const session = await target.createCDPSession();
  await session.send('Network.enable');
  return (offline) =>
    session.send('Network.emulateNetworkConditions', {
      offline,
      latency: 0,
      downloadThroughput: -1,
      uploadThroughput: -1,
    });
}

/** Waits until a tab is back in its session; returns the status that it reported. */
export const back = (tab, limit) =>
  tab.eventually(
    'the way back',
    ({ statuses }) => /^(CONNECTED|ATTACHED)$/.test(statuses.at(-1)?.status) && statuses.at(-1).status,
    limit,
  );

/** Numbered bodies of messages. */
export const numbered = (count, from = 0) =>
  Array.from({ length: count }, (_, index) => `message ${from + index}`);

export function median(numbers) {
  return numbers.toSorted((one, other) => one - other)[Math.floor(numbers.length / 2)];
}

/** Keeps everything that is posted to this page in `posts`; must be called before the page connects. */
export const countPosts = (tab) =>
  tab.evaluate(() => {
    window.posts = [];
    const { set, ...rest } = Object.getOwnPropertyDescriptor(MessagePort.prototype, 'onmessage');
    Object.defineProperty(MessagePort.prototype, 'onmessage', {
      ...rest,
      set(listener) {
        set.call(this, (event) => {
          posts.push(event.data);
          listener(event);
        });
      },
    });
  });

/** Connects with a callback that adds no handlers, and waits until the session is up. */
export const connectBare = (tab, jid, password) =>
  tab.evaluate(
    (jid, password) =>
      new Promise((up, failed) =>
        connection.connect(jid, password, (status, condition) => {
          if (status === epode.Strophe.Status.CONNECTED || status === epode.Strophe.Status.ATTACHED)
            up(status);
          if (status === epode.Strophe.Status.DISCONNECTED) failed(new Error(condition));
        }),
      ),
    jid,
    password,
  );
