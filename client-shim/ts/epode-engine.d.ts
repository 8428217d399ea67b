/** The script `epode-engine.js`, which is made of `worker/ts/epode-engine.ts`. */
import type { Port } from '../../port/ts/port.ts';
import type { load } from '../../port/ts/wasm.ts';

/** Starts the engine; to be called once. */
export function begin(how: typeof load): Promise<void>;

/** Opens a port to the engine. */
export function open(): Port;
