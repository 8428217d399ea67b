/**
 * What the build puts in place of the module: its address beside the script, or its bytes inside the script.
 */
declare module '*.wasm' {
  const wasm: string | Uint8Array<ArrayBuffer>;
  export default wasm;
}
