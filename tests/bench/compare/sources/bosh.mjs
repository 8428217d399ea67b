// Prosody over BOSH (XEP-0124), behind a proxy that counts requests.

import { once } from 'node:events';
import { Agent, createServer, request } from 'node:http';

import { startProsodySources } from './prosody.mjs';

/** Starts Prosody and the proxy. `open` makes a source with a new account and a new contact. */
export async function startBoshSources() {
  const sources = await startProsodySources();
  const agent = new Agent({ keepAlive: true });
  let posts = 0;
  let service;
  const proxy = createServer((from, to) => {
    if (from.method === 'POST') posts++;
    const { method, headers, url } = from;
    const passed = request(new URL(url, service), { method, headers, agent }, (answer) => {
      to.writeHead(answer.statusCode, answer.headers);
      answer.pipe(to);
    });
    // A page that goes aborts its requests.
    to.on('close', () => passed.destroy());
    passed.on('error', () => to.destroy());
    from.pipe(passed);
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const { port } = proxy.address();
  return {
    async open() {
      const source = await sources.open();
      service = source.account.http;
      const { jid, password } = source.account;
      const account = { service: `http://127.0.0.1:${port}${new URL(service).pathname}`, jid, password };
      return { ...source, name: 'bosh', account, requests: () => posts };
    },
    async stop() {
      proxy.close();
      proxy.closeAllConnections();
      agent.destroy();
      await sources.stop();
    },
  };
}
