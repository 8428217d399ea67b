/**
 * What an app may override to look on: stanzas in both directions, and news of the tab. Assign it to a
 * connection, before or after `connect`, define it on a subclass, or on `Strophe.Connection.prototype`. A
 * hook that nobody overrides costs nothing.
 */

/**
 * Stanzas that are missing. A position numbers the stanzas of a session in the order in which they arrive in
 * the worker.
 */
export interface Gap {
  /** The position of the first. */
  from: number;
  /** The position of the last. */
  to: number;
  /** How many are missing: of those that this tab had claimed, or of frames that nobody could read. */
  count: number;
  /**
   * Why: `resource-constraint` if more waited for this tab than the option `queue` allows; else the rule that
   * a frame of the server breaks, by the name of a stream error (RFC 6120 §4.9.3), such as `not-well-formed`.
   */
  reason: string;
}

/** The hooks of a connection. What one throws is logged, and stops nothing. */
export class Hooks {
  /**
   * Override to see each stanza that comes in, as an element, before handlers do. Every message and presence
   * of the account is then posted to this tab and parsed in it.
   */
  xmlInput(_element: Element): void {}
  /**
   * Override to see each stanza that this tab sends, as an element of its own, when it is handed in: it may
   * be refused yet.
   */
  xmlOutput(_element: Element): void {}
  /**
   * Override to see each stanza that comes in, as text, before handlers do. Every message and presence of the
   * account is then posted to this tab.
   */
  rawInput(_text: string): void {}
  /**
   * Override to see each stanza that this tab sends, as text, when it is handed in: it may be refused yet.
   */
  rawOutput(_text: string): void {}
  /**
   * Override to hear when this tab becomes `primary`, which exactly one tab of a session is, or `secondary`.
   * Of a session that comes up it hears before the status says so.
   */
  onRoleChanged(_role: 'primary' | 'secondary'): void {}
  /**
   * Override to hear that stanzas are missing, at the place where they are: this tab had claimed them and
   * more waited for it than the option `queue` allows, or the server sent what is no XML that may be sent,
   * which every tab hears, once a second at most.
   */
  onGap(_gap: Gap): void {}
  /** Override to see each message and presence that another tab of this session sends. */
  onForeignStanzaSent(_element: Element): void {}
  /** Of BOSH: never called. */
  nextValidRid(_rid: number): void {}

  /** A hook was assigned that needs a claim. */
  protected hooked(): void {}

  static {
    // A hook that is assigned late begins to hear from then on; one on a subclass is found when the session
    // comes up.
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

/** Whether somebody hears this hook. */
export function isHeard(hooks: Hooks, name: keyof Hooks): boolean {
  return hooks[name] !== Hooks.prototype[name];
}
