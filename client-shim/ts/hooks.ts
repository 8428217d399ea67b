/**
 * What an app may override to look on: stanzas in both directions, and news of the tab. Assign it to a connection, before or after
 * `connect`, define it on a subclass, or on `Strophe.Connection.prototype`. A hook that nobody overrides costs nothing.
 */
import type { Gap } from './connection.ts';

/** The hooks of a connection. */
export class Hooks {
  /** Override to see each stanza that comes in, as an element. */
  xmlInput(_element: Element): void {}
  /** Override to see each stanza that this tab sends, as an element. */
  xmlOutput(_element: Element): void {}
  /** Override to see each stanza that comes in, as text. */
  rawInput(_text: string): void {}
  /** Override to see each stanza that this tab sends, as text. */
  rawOutput(_text: string): void {}
  /** Override to hear when this tab becomes `primary` or `secondary`. */
  onRoleChanged(_role: 'primary' | 'secondary'): void {}
  /** Override to hear that stanzas which this tab had claimed were given up, since too many waited for it. */
  onGap(_gap: Gap): void {}
  /** Override to see each message and presence that another tab sends. */
  onForeignStanzaSent(_element: Element): void {}
  /** Of BOSH. */
  nextValidRid(_rid: number): void {}

  /** A hook was assigned that needs a claim. */
  protected hooked(): void {}

  static {
    // A hook that is assigned late begins to hear from then on; one on a subclass is found when the session comes up.
    for (const name of ['rawInput', 'xmlInput', 'onForeignStanzaSent'] as const) {
      const silent = (): void => {};
      Object.defineProperty(this.prototype, name, {
        configurable: true,
        get: () => silent,
        set(this: Hooks, hook: unknown) {
          Object.defineProperty(this, name, { value: hook, writable: true, configurable: true, enumerable: true });
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
