/** Plugins that apps add to every connection. */
import type { Connection } from './connection.ts';
import type { Status } from './constants.ts';
import { guarded } from './log.ts';

/** A plugin. Each connection gets an object that inherits from it. */
export interface ConnectionPlugin {
  /** Is called by the constructor of each connection, which throws any exception of this method. */
  init?(connection: Connection): void;
  /**
   * Is called with each status and its condition, before the callback of `connect`. Exceptions are logged.
   */
  statusChanged?(status: Status, condition: string | null): void;
}

/** A connection with its plugins as properties. */
type Equipped = Record<string, ConnectionPlugin | undefined>;

const plugins = new Map<string, ConnectionPlugin>();

/**
 * Gives every connection made from now on a property `name`: an object that inherits from `prototype`.
 */
export function addConnectionPlugin(name: string, prototype: ConnectionPlugin): void {
  plugins.set(name, prototype);
}

/** Adds the plugins to a connection. */
export function equip(connection: Connection): void {
  for (const [name, prototype] of plugins) {
    const plugin = Object.create(prototype) as ConnectionPlugin;
    (connection as unknown as Equipped)[name] = plugin;
    plugin.init?.(connection);
  }
}

/** Tells the plugins of a connection its status. */
export function tellPlugins(connection: Connection, status: Status, condition: string | null): void {
  for (const name of plugins.keys()) {
    const plugin = (connection as unknown as Equipped)[name];
    guarded(() => plugin?.statusChanged?.(status, condition), `the plugin ${name}`);
  }
}
