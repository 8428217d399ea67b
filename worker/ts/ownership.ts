// Which worker of this origin has which session. After a deploy the script has another address, and there are
// two workers for a while: pages of before share the one, pages of now the other. The newer asks, the older
// hands over; never the other way. Pages of strophe.js give their worker another name, so the same script may
// run twice: between names nothing is handed over.

import type { Ownership } from '../pkg/epode_worker.js';

declare const self: SharedWorkerGlobalScope;

/** What becomes of a session. */
export interface Outcomes {
  owned(name: string): void;
  /** Whether a newer worker keeps the session, and the name of one that runs the same script. */
  denied(name: string, newer: boolean, beside?: string): void;
  wanted(name: string): void;
}

/** What workers tell each other: who wants a session, or keeps it, and what that worker is. */
interface OwnershipMessage {
  wants?: string;
  keeps?: string;
  /** When the worker was born. */
  born: number;
  /** The address of its script, and the name that pages gave to it. */
  script?: string;
  worker?: string;
}

/**
 * How long another worker may take to answer and to close its stream. One that says nothing is no hindrance.
 */
const PATIENCE = 5_000;

/**
 * Keeps sessions by Web Locks, and asks for them over a channel. Without locks every session is ours.
 */
export function ownership(outcomes: Outcomes, exit: () => void): Ownership {
  const { locks } = navigator;
  if (!locks || typeof BroadcastChannel === 'undefined') {
    return { own: (name) => queueMicrotask(() => outcomes.owned(name)), seek() {}, disown() {}, exit };
  }
  const own = { born: Date.now(), script: self.location.href, worker: self.name };
  const channel = new BroadcastChannel('epode');
  /** Lets go of each session that is ours. */
  const kept = new Map<string, () => void>();
  /** Gives up each session that another worker was asked for. */
  const asked = new Map<string, AbortController>();
  /** The sessions for which a page is about to log in, and the services at which it found none. */
  const sought = new Set<string>();

  /** Whether this session is ours, or one at the service of this address. */
  const keeps = (name: string): boolean =>
    kept.has(name) || [...kept.keys()].some((session) => session.startsWith(`epode-session ${name} `));

  const keep = (name: string): Promise<void> =>
    new Promise((release) => {
      kept.set(name, release);
      outcomes.owned(name);
    });

  const ask = async (name: string): Promise<void> => {
    const waiting = new AbortController();
    asked.set(name, waiting);
    const timer = setTimeout(() => waiting.abort('silent'), PATIENCE);
    channel.postMessage({ wants: name, ...own } satisfies OwnershipMessage);
    await locks
      .request(name, { signal: waiting.signal }, () => {
        clearTimeout(timer);
        asked.delete(name);
        return keep(name);
      })
      .catch(() => {
        clearTimeout(timer);
        asked.delete(name);
        const { reason } = waiting.signal;
        if (reason === 'silent') outcomes.owned(name);
        else deny(name, reason);
      });
  };

  const deny = (name: string, keeper: OwnershipMessage): void => {
    if (isOfOurPages(keeper)) outcomes.denied(name, true);
    else outcomes.denied(name, false, keeper.script === own.script ? keeper.worker : undefined);
  };

  /** A worker of before there were other pages said no name. */
  const isOfOurPages = ({ worker = own.worker }: OwnershipMessage): boolean => worker === own.worker;

  channel.onmessage = ({ data }: MessageEvent<OwnershipMessage>) => {
    const { wants } = data;
    if (wants !== undefined && kept.has(wants) && data.born > own.born && isOfOurPages(data))
      outcomes.wanted(wants);
    else if (wants !== undefined && keeps(wants))
      channel.postMessage({ keeps: wants, ...own } satisfies OwnershipMessage);
    if (data.keeps === undefined) return;
    if (asked.has(data.keeps)) asked.get(data.keeps)!.abort(data);
    else if (sought.delete(data.keeps) && !kept.has(data.keeps) && !isOfOurPages(data))
      deny(data.keeps, data);
  };

  return {
    own(name) {
      // From here on the lock tells.
      sought.delete(name);
      void locks.request(name, { ifAvailable: true }, (lock) => (lock ? keep(name) : void ask(name)));
    },
    seek(name) {
      sought.add(name);
      // A worker that answers later was frozen, and means another question.
      setTimeout(() => sought.delete(name), PATIENCE);
      // As from before all workers: to such a one nobody hands over.
      channel.postMessage({ wants: name, ...own, born: 0 } satisfies OwnershipMessage);
    },
    disown(name) {
      kept.get(name)?.();
      kept.delete(name);
    },
    exit,
  };
}
