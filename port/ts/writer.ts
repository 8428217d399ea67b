/** An object that wasm makes, part after part, as `epode_protocol::port::Writer` says. */

type Open = Record<string, unknown> | unknown[];

export class Writer {
  /** What is open, the innermost last; in the first lies the message. */
  #open: Open[] = [[]];

  /** Writes a value into the record that is open, under this name, or into the list. */
  put(at: string, value: unknown): void {
    const open = this.#open[this.#open.length - 1]!;
    if (Array.isArray(open)) open.push(value);
    else open[at] = value;
  }

  /** Writes a value into the list that is open. */
  push(value: unknown): void {
    this.put('', value);
  }

  record(at: string): void {
    this.#enter(at, {});
  }

  list(at: string): void {
    this.#enter(at, []);
  }

  close(): void {
    this.#open.pop();
  }

  /** The message that was written. */
  take(): unknown {
    return (this.#open[0] as unknown[]).pop();
  }

  #enter(at: string, value: Open): void {
    this.put(at, value);
    this.#open.push(value);
  }
}
