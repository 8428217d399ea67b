/**
 * What a page does for BOSH: a script of its own beside `epode.js`, which a page on a WebSocket does not
 * load. Modules that have a state, such as the log, are in the other script alone.
 */
export { BoshPart, claim } from './bosh/part.ts';
