/**
 * `epode/beside`: the same, but the wasm of the page is a file beside the script, `epode.wasm`, or where
 * {@link setWasm} says. Browsers compile such a file while it arrives; in exchange somebody has to serve it.
 */
export * from './index.ts';
export { default } from './index.ts';
export { setWasm } from './engine.ts';
