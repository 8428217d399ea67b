// What tests of the tabs' life have in common: a worker of their own, its books, and ways for a tab to go.

import { eventually } from './apps.mjs';

let workers = 0;

/**
 * Options for the tabs of one scene: a worker that no earlier scene has started, so that it lives in the
 * process of the first tab.
 */
export const ownWorker = (options = {}) => ({
  options: { worker: `/epode-worker.js?${++workers}`, ...options },
});

/** What the worker knows of the tabs, as this one hears it. */
export const books = (tab) => tab.evaluate(() => connection.tabs());

/** What the worker knows of this tab itself. */
export const own = async (tab) => (await books(tab)).find(({ own }) => own);

/** Waits until a tab's books say so; answers with them. */
export const booked = (what, tab, ask) =>
  eventually(what, async () => {
    const known = await books(tab);
    return ask(known) && known;
  });

/**
 * How many milliseconds after the beginning of `go` its tab is gone from the books that `observer` is shown;
 * 10,000 if it is not gone by then.
 */
export async function goneAfter(observer, tab, go) {
  const { tab: name } = await own(tab);
  const gone = observer.evaluate(async (name) => {
    const deadline = performance.now() + 10_000;
    while (performance.now() < deadline && (await connection.tabs()).some(({ tab }) => tab === name));
    return performance.timeOrigin + performance.now();
  }, name);
  // Not before the observer looks.
  await observer.evaluate(() => 0);
  const begun = performance.timeOrigin + performance.now();
  const [at] = await Promise.all([gone, go(tab)]);
  return at - begun;
}

/** Ends the process of a tab, and whatever else lives in it. */
export async function crash(tab) {
  const session = await tab.page.createCDPSession();
  // Nobody is left to answer.
  session.send('Page.crash').catch(() => {});
}

/** Freezes tabs in the background, as Chromium does to save power; answers with how to thaw them. */
export async function freeze(tab) {
  const session = await tab.page.createCDPSession();
  await session.send('Page.setWebLifecycleState', { state: 'frozen' });
  return () => session.send('Page.setWebLifecycleState', { state: 'active' });
}

/** Waits until a tab is back in its session; answers with the status that said so. */
export const back = (tab, limit) =>
  tab.eventually(
    'the way back',
    ({ statuses }) => /^(CONNECTED|ATTACHED)$/.test(statuses.at(-1)?.status) && statuses.at(-1).status,
    limit,
  );

/** The bodies that a test's peer sends: numbered. */
export const numbered = (count, from = 0) =>
  Array.from({ length: count }, (_, index) => `message ${from + index}`);

export function median(numbers) {
  return numbers.toSorted((one, other) => one - other)[Math.floor(numbers.length / 2)];
}

/**
 * Keeps everything that is posted to this page from now on in `posts`. To be called before the page connects.
 */
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

/** Connects with a callback of the test's own, which adds no handlers; waits until the session is up. */
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
