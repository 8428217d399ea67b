/** The script `epode-engine.js`, which is made of `worker/ts/epode-engine.ts`. */
import type { Port } from '../../port/ts/port.ts';
import type { load } from '../../port/ts/wasm.ts';

/** Starts the engine; to be called once. */
export function begin(how: typeof load): Promise<void>;

/**
 * Makes the requests of this session that carry something synchronous, or not: the page stops until each is
 * answered.
 */
export function block(sid: string, on: boolean): void;

/** Opens a port to the engine. */
export function open(): Port;
