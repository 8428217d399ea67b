// The harness's end of pages/page.js: sends commands to a tab and waits for their results.

import { once } from 'node:events';
import { WebSocketServer } from 'ws';

/** How long a tab may take for an answer, in milliseconds. */
const PATIENCE = 120_000;

class Tab {
  #waiting = new Map();
  #id = 0;
  #problem;

  constructor(socket) {
    this.socket = socket;
    socket.on('message', (data) => this.#hear(JSON.parse(data)));
    socket.on('close', () => this.#fail('the tab is gone'));
  }

  /** Makes the tab carry out a command of page.js; returns its result. */
  async ask(command, argument) {
    if (this.#problem) throw new Error(this.#problem);
    const id = ++this.#id;
    let alarm;
    const answer = new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      alarm = setTimeout(
        () => reject(new Error(`no answer to \`${command}\` within ${PATIENCE} ms`)),
        PATIENCE,
      );
    });
    this.socket.send(JSON.stringify({ id, command, argument }));
    return answer.finally(() => clearTimeout(alarm));
  }

  #hear({ id, value, error }) {
    if (id === undefined) return this.#fail(error);
    const { resolve, reject } = this.#waiting.get(id) ?? {};
    this.#waiting.delete(id);
    if (error) reject?.(new Error(error));
    else resolve?.(value);
  }

  #fail(problem) {
    this.#problem ??= problem;
    for (const { reject } of this.#waiting.values()) reject(new Error(problem));
  }
}

/** The server that tabs connect to. */
export async function startControl() {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  const expected = new Map();
  let names = 0;
  server.on('connection', (socket, { url }) => {
    socket.on('error', () => {});
    expected.get(url.slice(1))?.(new Tab(socket));
  });
  await once(server, 'listening');
  const { port } = server.address();
  return {
    /** The address for the next tab, and a promise of the tab once it has connected. */
    expect() {
      const name = `${++names}`;
      return {
        url: `ws://127.0.0.1:${port}/${name}`,
        tab: new Promise((resolve) => expected.set(name, resolve)),
      };
    },
    async stop() {
      for (const client of server.clients) client.terminate();
      server.close();
      await once(server, 'close');
    },
  };
}
