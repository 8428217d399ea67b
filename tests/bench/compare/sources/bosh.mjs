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
  /** The pending call of `taken`: the number of missing messages, and its resolver. */
  let awaited;
  const takes = (body) => {
    if (!awaited || (awaited.missing -= body.split('<message').length - 1) > 0) return;
    awaited.tell(performance.timeOrigin + performance.now());
    awaited = undefined;
  };
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
    let body = '';
    from.on('data', (chunk) => (body += chunk)).on('end', () => takes(body));
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
      return {
        ...source,
        name: 'bosh',
        account,
        requests: () => posts,
        /** A promise of the time at which `count` messages of the tab have come to the server. */
        taken: (count) => new Promise((tell) => (awaited = { missing: count, tell })),
      };
    },
    async stop() {
      proxy.close();
      proxy.closeAllConnections();
      agent.destroy();
      await sources.stop();
    },
  };
}
