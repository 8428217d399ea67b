/** What apps hang on every connection. */
import type { Connection } from './connection.ts';
import type { Status } from './constants.ts';
import { guarded } from './log.ts';

/** A plugin: each connection has an object of its own that inherits from it. */
export interface ConnectionPlugin {
  /** Called by the constructor of each connection. What it throws, that throws. */
  init?(connection: Connection): void;
  /**
   * Called with each status and its condition, before the callback of `connect`. What it throws is logged.
   */
  statusChanged?(status: Status, condition: string | null): void;
}

/** A connection by the names of its plugins. */
type Equipped = Record<string, ConnectionPlugin | undefined>;

const plugins = new Map<string, ConnectionPlugin>();

/**
 * Makes an object that inherits from `prototype` part of every connection made from now on, as
 * `connection[name]`.
 */
export function addConnectionPlugin(name: string, prototype: ConnectionPlugin): void {
  plugins.set(name, prototype);
}

/** Makes the plugins part of a connection. */
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
