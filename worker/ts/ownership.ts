// Which worker of this origin has which session. After a deploy the script has another address, and there are
// two workers for a while: pages of before share the one, pages of now the other. The newer asks, the older
// hands over; never the other way.

import type { Ownership } from '../pkg/epode_worker.js';

/** What becomes of a session. */
export interface Outcomes {
  owned(name: string): void;
  denied(name: string): void;
  wanted(name: string): void;
}

/** What workers tell each other: who wants a session, or keeps it, and when that worker was born. */
interface OwnershipMessage {
  wants?: string;
  keeps?: string;
  born: number;
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
    return { own: (name) => queueMicrotask(() => outcomes.owned(name)), disown() {}, exit };
  }
  const born = Date.now();
  const channel = new BroadcastChannel('epode');
  /** Lets go of each session that is ours. */
  const kept = new Map<string, () => void>();
  /** Gives up each session that another worker was asked for. */
  const asked = new Map<string, AbortController>();

  const keep = (name: string): Promise<void> =>
    new Promise((release) => {
      kept.set(name, release);
      outcomes.owned(name);
    });

  const ask = async (name: string): Promise<void> => {
    const waiting = new AbortController();
    asked.set(name, waiting);
    const timer = setTimeout(() => waiting.abort('silent'), PATIENCE);
    channel.postMessage({ wants: name, born } satisfies OwnershipMessage);
    await locks
      .request(name, { signal: waiting.signal }, () => {
        clearTimeout(timer);
        asked.delete(name);
        return keep(name);
      })
      .catch(() => {
        clearTimeout(timer);
        asked.delete(name);
        if (waiting.signal.reason === 'silent') outcomes.owned(name);
        else outcomes.denied(name);
      });
  };

  channel.onmessage = ({ data }: MessageEvent<OwnershipMessage>) => {
    if (data.wants !== undefined && kept.has(data.wants)) {
      if (data.born > born) outcomes.wanted(data.wants);
      else channel.postMessage({ keeps: data.wants, born } satisfies OwnershipMessage);
    }
    if (data.keeps !== undefined) asked.get(data.keeps)?.abort('kept');
  };

  return {
    own(name) {
      void locks.request(name, { ifAvailable: true }, (lock) => (lock ? keep(name) : void ask(name)));
    },
    disown(name) {
      kept.get(name)?.();
      kept.delete(name);
    },
    exit,
  };
}
