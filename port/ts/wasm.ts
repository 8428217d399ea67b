// Loading a wasm module, and saying in words that help why it cannot be loaded.

/**
 * What the glue of wasm-bindgen has for whoever loads its module; its own loader takes more than ours ever
 * gives it.
 */
export interface Glue {
  /** What the module imports. */
  imports(): WebAssembly.Imports;
  /** The module is there. */
  loaded(instance: WebAssembly.Instance): unknown;
}

/**
 * Loads a module from its address, or from its bytes where they came with the script.
 *
 * @param who whose module it is, for the sentences: `the page`, `the worker`
 * @throws Error with a sentence that says what is wrong and what would help
 */
export async function load(glue: Glue, source: URL | BufferSource, who: string): Promise<void> {
  if (typeof WebAssembly === 'undefined')
    throw new Error(
      `there is no WebAssembly for ${who}: this browser does not have it, or it is switched off, as strict security settings do`,
    );
  const code = source instanceof URL ? await fetched(source, who) : source;
  try {
    glue.loaded((await instantiate(code, glue.imports())).instance);
  } catch (error) {
    const message = String((error as Error)?.message ?? error);
    if (/unsafe-eval|content.security.policy|\bCSP\b/i.test(message)) {
      throw new Error(
        `the Content-Security-Policy of ${who} forbids wasm: its script-src must allow 'wasm-unsafe-eval'`,
      );
    }
    throw new Error(`the wasm of ${who} could not be started: ${message}`);
  }
}

/** Decodes the printable text that the build made of a module (`printable` in `xtask/src/build/wasm.rs`). */
export function unpack(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  let length = 0;
  for (let at = 0; at < text.length; at++) {
    let code = text.charCodeAt(at);
    let base = -35;
    if (code < 34) {
      base += (code - 31) * 91;
      code = text.charCodeAt(++at);
    }
    // The encoding does not use the backslash, which would need an escape.
    bytes[length++] = base + code - (code > 92 ? 1 : 0);
  }
  return bytes.subarray(0, length);
}

async function instantiate(
  code: Response | BufferSource,
  imports: WebAssembly.Imports,
): Promise<WebAssembly.WebAssemblyInstantiatedSource> {
  if (!(code instanceof Response)) return WebAssembly.instantiate(code, imports);
  // Under another name browsers do not compile what is still on its way.
  if (code.headers.get('Content-Type') === 'application/wasm')
    return WebAssembly.instantiateStreaming(code, imports);
  return WebAssembly.instantiate(await code.arrayBuffer(), imports);
}

async function fetched(url: URL, who: string): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { credentials: 'same-origin' });
  } catch (error) {
    throw new Error(
      `the wasm of ${who} could not be fetched from ${url}: ${(error as Error).message}; the connect-src of a Content-Security-Policy must allow it, and another origin by CORS`,
    );
  }
  if (!response.ok)
    throw new Error(`the wasm of ${who} is not at ${url}: the server answered ${response.status}`);
  const type = response.headers.get('Content-Type');
  // The server of a single-page app answers an unknown path with a page.
  if (type?.startsWith('text/html'))
    throw new Error(`the wasm of ${who} is not at ${url}: the server answered with a page`);
  return response;
}
