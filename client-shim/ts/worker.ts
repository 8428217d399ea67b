/** The worker, as a page starts it, and what can be said of a script that is none. */

/** The name under which pages of an origin share the worker of one script. */
const NAME = 'epode';

/** Starts the worker, or finds it; what tells of its failure, and a port to it. A `Worker` is this caller's alone, who ends it. */
export function startWorker(url: URL): [SharedWorker | Worker, MessagePort] {
  try {
    if (typeof SharedWorker === 'undefined') {
      // The same script, for this page alone.
      const worker = new Worker(url, { name: NAME });
      const { port1, port2 } = new MessageChannel();
      worker.postMessage(null, [port2]);
      return [worker, port1];
    }
    // Pages that ask for an extended lifetime and pages that do not exclude each other, so all ask, from the first release on.
    const worker = new SharedWorker(url, { name: NAME, extendedLifetime: true } as WorkerOptions);
    return [worker, worker.port];
  } catch (error) {
    throw new Error(`the browser does not start the worker script ${url.href}: ${(error as Error).message}`);
  }
}

/** Why what is at this address cannot be the worker script, or nothing where it can. */
export async function whatIsAt(url: URL): Promise<string | undefined> {
  try {
    const response = await fetch(url, { cache: 'no-store', credentials: 'same-origin' });
    const type = response.headers.get('content-type') ?? 'no content type';
    if (!response.ok) return `the worker script is not at ${url.href}: the server answered ${response.status}`;
    if (!/javascript|ecmascript/i.test(type)) return `what is at ${url.href} is not a script but ${type}`;
    return undefined;
  } catch (error) {
    return `the worker script ${url.href} cannot be fetched: ${(error as Error).message}`;
  }
}
