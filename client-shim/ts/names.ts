/** What pages and workers know each other by. */

/**
 * The name under which pages of an origin share the worker of one script, and that of the worker beside it,
 * for as long as it does not answer.
 */
export const NAME = 'epode';
export const DETOUR = 'epode detour';

/** How the lock of each worker of this name and script begins: by its lock one sees that it runs. */
export function lockOf(name: string, url: string): string {
  return `epode-worker ${name} ${url} `;
}
