/**
 * The hooks of a connection, for apps that observe all traffic and news of the tab. Override a hook
 * by assigning it to a connection, before or after `connect`, in a subclass, or on
 * `Strophe.Connection.prototype`. A hook that is not overridden costs nothing.
 *
 * ```js
 * connection.rawInput = (text) => console.log('received', text);
 * ```
 */

import type { Transport } from './transports.ts';

/**
 * Stanzas that this tab does not get. A position is the number of a stanza in its session, counted
 * by the worker on arrival.
 */
export interface Gap {
  /** The position of the first missing stanza. */
  from: number;
  /** The position of the last missing stanza. */
  to: number;
  /**
   * How many stanzas are missing: of those that this tab had claimed, or of frames that could not
   * be read.
   */
  count: number;
  /**
   * `resource-constraint` if more stanzas waited for this tab than the option `queue` allows.
   * Otherwise the rule that a frame of the server broke, by the name of a stream error (RFC 6120
   * §4.9.3), for example `not-well-formed`.
   */
  reason: string;
}

/** The hooks of a connection. An exception of a hook is logged and has no other effect. */
export class Hooks {
  /**
   * Is called with each incoming stanza, as an element, before handlers are. If overridden, this
   * tab is sent every message and presence of the account and parses it.
   */
  xmlInput(_element: Element): void {}
  /**
   * Is called with each stanza that this tab sends, as a separate element, at the time of the call:
   * the stanza may still be refused.
   */
  xmlOutput(_element: Element): void {}
  /**
   * Is called with each incoming stanza, as text, before handlers are. If overridden, this tab is
   * sent every message and presence of the account.
   */
  rawInput(_text: string): void {}
  /**
   * Is called with each stanza that this tab sends, as text, at the time of the call: the stanza
   * may still be refused.
   */
  rawOutput(_text: string): void {}
  /**
   * Is called when this tab becomes `primary`, as exactly one tab of a session is, or `secondary`.
   * When a session comes up, this call precedes the status.
   */
  onRoleChanged(_role: 'primary' | 'secondary'): void {}
  /**
   * Is called at the place in the order of stanzas where some are missing: either more stanzas
   * waited for this tab than the option `queue` allows, or the server sent a frame that is not
   * permitted XML, which is reported in every tab, at most once a second.
   */
  onGap(_gap: Gap): void {}
  /** Is called with each message and presence that another tab of this session sends. */
  onForeignStanzaSent(_element: Element): void {}
  /**
   * BOSH: is called with the rid of the next request, as often as that changes, and with a random number when
   * the session is over. An app that overrides this hook keeps the session by itself: when the last tab
   * leaves, the worker does not end the session, as with the option `keepalive`.
   */
  nextValidRid(_rid: number): void {}

  /** Is called when a hook that needs a claim has been assigned. */
  protected hooked(): void {}

  static {
    // A setter notices hooks assigned during a session. Hooks of subclasses are found when the
    // session comes up.
    for (const name of ['rawInput', 'xmlInput', 'onForeignStanzaSent'] as const) {
      const silent = (): void => {};
      Object.defineProperty(this.prototype, name, {
        configurable: true,
        get: () => silent,
        set(this: Hooks, hook: unknown) {
          Object.defineProperty(this, name, {
            value: hook,
            writable: true,
            configurable: true,
            enumerable: true,
          });
          this.hooked();
        },
      });
    }
  }
}

/** Hooks, with the transport that says what they see around a stanza. */
export type Observed = Hooks & { readonly _proto: Transport };

/** Whether the app has overridden this hook. */
export function isHeard(hooks: Hooks, name: keyof Hooks): boolean {
  return hooks[name] !== Hooks.prototype[name];
}
