import init, { version } from "../pkg/epode_client_shim.js";

let engine: Promise<unknown> | undefined;

/** Loads the wasm half of this package once and answers with the protocol version that it speaks. */
export async function ready(): Promise<number> {
  engine ??= init({ module_or_path: new URL("./epode.wasm", import.meta.url) });
  await engine;
  return version();
}
