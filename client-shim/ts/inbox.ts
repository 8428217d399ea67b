/**
 * What comes to a tab, from the port to those who hear it: the hooks look on, handlers are called, and for
 * each of either the worker holds a claim.
 *
 * Until the worker has said that a claim holds, it brings that handler what it misses, apart from what all
 * the others hear.
 */
import { parseStanza } from './element.ts';
import { Handler, HandlerList, selectorOf } from './handlers.ts';
import { isHeard, type Observed } from './hooks.ts';
import type { Command } from './link.ts';
import { describe, error, guarded } from './log.ts';
import type { Selector } from '../../port/ts/protocol/Selector.ts';

/** The handlers of one connection, and what they are given. */
export class Inbox {
  readonly handlers = new HandlerList((handler) => this.#release(handler));
  /** The loops that are open, each by what ends it: they end with the session. */
  readonly loops = new Set<() => void>();
  /** Each claim, and who it is for. */
  readonly #claims = new Map<number, Handler | 'hook'>();
  /** The claims of hooks: for what comes in, and for what other tabs send. */
  #everything: number | undefined;
  #sent: number | undefined;
  /** Which hooks look at what comes in: asked once for each session, not for each stanza. */
  #raw = false;
  #xml = false;
  readonly #replayed = new WeakSet<Element>();
  readonly #hooks: Observed;
  readonly #run: (command: Command) => void;

  /** @param run carries out a command where there is a link, and forgets it where there is none */
  constructor(hooks: Observed, run: (command: Command) => void) {
    this.#hooks = hooks;
    this.#run = run;
  }

  /** Adds a handler, which claims what it is for. */
  add(handler: Handler): Handler {
    handler.active = false;
    this.handlers.add(handler);
    this.#claim(handler);
    return handler;
  }

  /** There is a new link: what was added before claims there. */
  claimAll(): void {
    for (const handler of this.handlers) this.#claim(handler);
  }

  /** Hooks look on: they claim everything there is. */
  claimHooks(): void {
    this.#raw = isHeard(this.#hooks, 'rawInput');
    this.#xml = isHeard(this.#hooks, 'xmlInput');
    this.#run({
      run: (tab) => {
        if (this.#everything === undefined && (this.#raw || this.#xml)) {
          this.#claims.set((this.#everything = tab.claim('Everything' satisfies Selector)), 'hook');
        }
        if (this.#sent === undefined && isHeard(this.#hooks, 'onForeignStanzaSent'))
          this.#sent = tab.claim('Sent' satisfies Selector);
      },
    });
  }

  /** The session is over, and with it every claim. */
  clear(): void {
    this.handlers.clear();
    this.#claims.clear();
    this.#everything = this.#sent = undefined;
    for (const end of this.loops) end();
  }

  /** Whether this stanza is a contact's presence of before. */
  isReplayed(stanza: Element): boolean {
    return this.#replayed.has(stanza);
  }

  /** A claim holds: its handler hears what comes. */
  claimed(claim: number): void {
    const claimant = this.#claims.get(claim);
    if (claimant instanceof Handler) claimant.active = true;
  }

  /** A stanza that came before the claim did. */
  caught(claim: number, replayed: boolean, text: string): void {
    const claimant = this.#claims.get(claim);
    if (claimant === 'hook') return void this.#look(text);
    if (!claimant) return;
    const stanza = parsed(text);
    if (!stanza) return;
    if (replayed) this.#replayed.add(stanza);
    this.handlers.dispatchTo(claimant, stanza);
  }

  /** A stanza that came in; whether it is a request that no handler took. */
  received(text: string, authenticated: boolean): boolean {
    // Without a claim of hooks all that comes is for a handler.
    const concerns = this.#everything === undefined || this.handlers.concerns(text);
    const stanza = this.#look(text) ?? (concerns ? parsed(text) : undefined);
    return stanza !== undefined && !this.handlers.dispatch(stanza, authenticated) && isRequest(stanza);
  }

  /** The answer to a question of this tab, which others may hear too. */
  answered(text: string, authenticated: boolean): Element | undefined {
    const stanza = this.#look(text) ?? parsed(text);
    if (stanza) this.handlers.dispatch(stanza, authenticated);
    return stanza;
  }

  /** A message or presence that another tab sent. */
  foreign(text: string): void {
    if (isHeard(this.#hooks, 'onForeignStanzaSent'))
      guarded(() => this.#hooks.onForeignStanzaSent(parseStanza(text)), 'onForeignStanzaSent');
  }

  #claim(handler: Handler): void {
    this.#run({
      run: (tab) => {
        if (handler.active || ![...this.handlers].includes(handler)) return;
        this.#claims.set(tab.claim(criteriaOf(handler)), handler);
      },
    });
  }

  #release(handler: Handler): void {
    for (const [claim, claimant] of this.#claims) {
      if (claimant !== handler) continue;
      this.#claims.delete(claim);
      this.#run({ run: (tab) => tab.release(claim) });
    }
  }

  /** Shows a stanza to the hooks; the stanza's element, if one had to be made. */
  #look(text: string): Element | undefined {
    if (!this.#raw && !this.#xml) return undefined;
    const shown = this.#hooks._proto._around(text, false);
    if (this.#raw) guarded(() => this.#hooks.rawInput(shown), 'rawInput');
    if (!this.#xml) return undefined;
    const element = parsed(shown);
    if (element) guarded(() => this.#hooks.xmlInput(element), 'xmlInput');
    // A handler gets a stanza that is its own root.
    return shown === text ? element : undefined;
  }
}

/** The selector of the claim for a handler. */
function criteriaOf(handler: Handler): Selector {
  const { ns, name, types, id, from, bare, ignoreFragment } = selectorOf(handler);
  return {
    Stanza: {
      ns: ns ?? null,
      name: name ?? null,
      types: types ?? null,
      id: id ?? null,
      from: from ?? null,
      bare: bare ?? false,
      ignore_fragment: ignoreFragment ?? false,
    },
  };
}

/** The element of a stanza that the worker has verified. */
export function parsed(text: string): Element | undefined {
  try {
    return parseStanza(text);
  } catch (thrown) {
    error(`an inbound stanza could not be read: ${describe(thrown)}`);
    return undefined;
  }
}

function isRequest(stanza: Element): boolean {
  const type = stanza.getAttribute('type');
  return stanza.localName === 'iq' && (type === 'get' || type === 'set');
}
