/** The names by which pages and workers find each other. */

/**
 * The name of the shared worker of a script; and of its detour, the second worker that pages start
 * when the first does not answer.
 */
export const NAME = 'epode';
export const DETOUR = 'epode detour';

/**
 * The prefix of the Web Lock that a worker of this name and script holds; a lock with this prefix
 * shows that the worker runs.
 */
export function lockOf(name: string, url: string): string {
  return `epode-worker ${name} ${url} `;
}
