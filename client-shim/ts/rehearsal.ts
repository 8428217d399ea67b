/**
 * The way into a session, gone ahead with nobody at the other end. Browsers compile a function of wasm when
 * it is called first, which a page that has constructed its connection can have behind it before `connect()`.
 */
import { Tab, type Page } from '../pkg/epode_client_shim.js';
import { Writer } from '../../port/ts/writer.ts';
import type { Selector } from '../../port/ts/protocol/Selector.ts';
import type { Hello } from '../../port/ts/protocol/Hello.ts';
import type { FromWorker } from '../../port/ts/protocol/FromWorker.ts';

/** What a worker says to a tab that joins a session. */
const greeting = ([version]: number[]): FromWorker<string>[] => [
  { Welcome: { version: version!, boot: 'a', lock: 'b' } },
  'Joining',
  { Role: 'Secondary' },
  {
    Status: {
      code: 'Attached',
      condition: null,
      text: null,
      features: null,
      session: {
        jid: 'a@b/c',
        domain: 'b',
        features: '',
        position: 1,
        generation: 1,
        managed: false,
        resumed: false,
        bound: 0,
      },
      close_code: null,
    },
  },
];

/** Greets the worker that is not there, and joins its session. The page's wasm must be loaded. */
export function rehearse(): void {
  const writer = new Writer();
  const posted: unknown[] = [];
  const nothing = (): void => {};
  const page: Page = {
    pass: nothing,
    post: () => posted.push(writer.take()),
    show: () => writer.take(),
    keep: nothing,
    watch: nothing,
    reopen: nothing,
  };
  const tab = new Tab(page, writer);
  tab.opened(0, 'a', 'b', true, undefined, 0);
  tab.say(0, { Attach: { service: 'ws://b', jid: 'a@b', explicit_binding: false } });
  const { versions } = (posted[0] as { Hello: Hello }).Hello;
  for (const message of greeting(versions)) if (tab.hear(0, message)) tab.handled();
  tab.claim('Everything' satisfies Selector);
  tab.deadline();
  tab.free();
}
