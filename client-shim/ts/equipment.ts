/** The plugins of every connection, added to each and told its status. */
import type { Status } from './constants.ts';
import { guarded } from './log.ts';

/** A plugin, for any class of connection. */
interface Plugin {
  init?(connection: never): void;
  statusChanged?(status: Status, condition: string | null): void;
}

/** A connection with its plugins as properties. */
type Equipped = Record<string, Plugin | undefined>;

/** The plugins that apps have added, by their names. */
export const plugins = new Map<string, Plugin>();

/** Adds the plugins to a connection. */
export function equip(connection: object): void {
  for (const [name, prototype] of plugins) {
    const plugin = Object.create(prototype) as Plugin;
    (connection as Equipped)[name] = plugin;
    plugin.init?.(connection as never);
  }
}

/** Tells the plugins of a connection its status. */
export function tellPlugins(connection: object, status: Status, condition: string | null): void {
  for (const name of plugins.keys()) {
    const plugin = (connection as Equipped)[name];
    guarded(() => plugin?.statusChanged?.(status, condition), `the plugin ${name}`);
  }
}
