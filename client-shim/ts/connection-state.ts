/** The state of its session that a connection shows to the app. */
import type { Status } from './constants.ts';
import type { Hooks } from './hooks.ts';
import type { ScramKeys } from './keys.ts';
import type { StreamManagement } from './management.ts';
import type { ConnectionOptions } from './options.ts';
import type { Transport } from './transports.ts';

/** A tab of the session, as the worker knows it. */
export interface Tab {
  /** Identifies the tab; a reload keeps it. */
  tab: string;
  /** Whether this entry is the tab that asked. */
  own: boolean;
  /** `primary` in exactly one tab. */
  role: 'primary' | 'secondary';
  /** Whether the page is visible (`document.visibilityState`). */
  visible: boolean;
  /** Whether the tab answers the worker; a frozen one does not. */
  awake: boolean;
  /**
   * How many more stanzas the worker may post to the tab one by one before the tab has to
   * acknowledge some: 64, less those in flight; a batch in flight counts as 32.
   */
  credit: number;
  /** How many stanzas wait in the worker for credit. */
  waiting: number;
  /** How many claims the tab's handlers and hooks have made. */
  claims: number;
}

/** How much of what all tabs of a session sent waits in the worker. */
export interface Backlog {
  /** The number of stanzas. */
  readonly stanzas: number;
  /** Their size in bytes, as UTF-8. */
  readonly bytes: number;
}

/** The fields of a connection that its participation reads and sets; `C` is the class that callbacks see. */
export interface ConnectionState<C> extends Hooks {
  readonly service: string;
  readonly options: ConnectionOptions;
  _proto: Transport;
  readonly connect_callback:
    | ((this: C, status: Status, condition: string | null, element: null, reason: string | null) => void)
    | null;
  jid: string;
  domain: string | null;
  pass: string | ScramKeys | null;
  scram_keys: ScramKeys | null;
  authenticated: boolean;
  connected: boolean;
  disconnecting: boolean;
  restored: boolean;
  readonly sm: StreamManagement | undefined;
  backlog: Backlog;
  role: 'primary' | 'secondary' | null;
}
