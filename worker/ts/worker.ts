// The worker script. Ports that come before the wasm is there wait in a queue: `onconnect` must be set before
// anything is awaited, or the first page is lost for ever.

import init, { version } from "../pkg/epode_worker.js";
import wasm from "../pkg/epode_worker_bg.wasm";

declare const self: SharedWorkerGlobalScope;

const engine = init({ module_or_path: typeof wasm === "string" ? new URL(wasm, self.location.href) : wasm });

self.onconnect = ({ ports: [port] }) => {
  if (!port) return;
  port.onmessage = ({ data }) => {
    if (!data?.Hello) return;
    engine.then(
      () => port.postMessage({ Welcome: { version: version() } }),
      (error) => port.postMessage({ Refused: { reason: String(error) } }),
    );
  };
};
