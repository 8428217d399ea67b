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
    throw new Error(`the wasm of ${who} could not be fetched from ${url}: ${(error as Error).message}`);
  }
  if (!response.ok)
    throw new Error(`the wasm of ${who} is not at ${url}: the server answered ${response.status}`);
  return response;
}
