/** Strophe's stores for a stream that is to be resumed, which apps import by name. The worker has its own. */

/** Keeps values, which must be JSON, for as long as the page lives. */
export class MemoryStorageBackend {
  readonly #store = new Map<string, string>();

  /** The value of this key, a copy; `null` where there is none. */
  load(key: string): unknown {
    return JSON.parse(this.#store.get(key) ?? 'null');
  }

  /** Keeps a copy. */
  save(key: string, value: unknown): void {
    this.#store.set(key, JSON.stringify(value));
  }

  /** Forgets. */
  clear(key: string): void {
    this.#store.delete(key);
  }
}

/** Keeps values, which must be JSON, in the `sessionStorage` of the page. */
export class SessionStorageBackend {
  /** @throws Error where there is no `sessionStorage` */
  constructor() {
    if (typeof sessionStorage === 'undefined')
      throw new Error('SessionStorageBackend needs the sessionStorage of a page');
  }

  /** The value of this key; `null` where there is none, or one that is no JSON. */
  load(key: string): unknown {
    try {
      return JSON.parse(sessionStorage.getItem(key) ?? 'null');
    } catch {
      return null;
    }
  }

  /** Keeps it. */
  save(key: string, value: unknown): void {
    sessionStorage.setItem(key, JSON.stringify(value));
  }

  /** Forgets. */
  clear(key: string): void {
    sessionStorage.removeItem(key);
  }
}
