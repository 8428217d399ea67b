/** Plugins that apps add to every connection. */
import type { Connection } from './connection.ts';
import type { Status } from './constants.ts';
import { plugins } from './equipment.ts';

/** A plugin. Each connection gets an object that inherits from it. */
export interface ConnectionPlugin {
  /** Is called by the constructor of each connection, which throws any exception of this method. */
  init?(connection: Connection): void;
  /**
   * Is called with each status and its condition, before the callback of `connect`. Exceptions are logged.
   */
  statusChanged?(status: Status, condition: string | null): void;
}

/**
 * Gives every connection made from now on a property `name`: an object that inherits from `prototype`.
 */
export function addConnectionPlugin(name: string, prototype: ConnectionPlugin): void {
  plugins.set(name, prototype);
}
