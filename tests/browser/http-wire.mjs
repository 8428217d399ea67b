// A reverse proxy before the BOSH of a server: it records what is asked, and a test can change the answers.

import { once } from 'node:events';
import { createServer } from 'node:http';

/** A request, as it came. */
class Asked {
  /** The status of the answer; `undefined` while the server holds the request. */
  status;

  constructor({ method, url, headers }, body) {
    this.method = method;
    this.path = url;
    this.headers = headers;
    this.body = body;
  }

  /** An attribute of the `<body/>`. */
  attribute(name) {
    return new RegExp(`^<body[^>]*\\s${name}=(["'])(.*?)\\1`).exec(this.body)?.[2];
  }
}

/**
 * Starts the proxy on a free port of loopback.
 * @param {{ upstream: string }} options the address of the server's BOSH
 */
export async function startHttpWire({ upstream }) {
  /** @type {Asked[]} */
  const requests = [];

  const pass = async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    const asked = new Asked(request, body);
    requests.push(asked);
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    const { origin, 'access-control-request-headers': names } = request.headers;
    const headers = {
      'Access-Control-Allow-Origin': origin ?? '*',
      'Access-Control-Allow-Credentials': 'true',
    };
    if (names) headers['Access-Control-Allow-Headers'] = names;
    if (request.method === 'OPTIONS') return void response.writeHead(204, headers).end();
    try {
      const answer = wire.answer?.(asked) ?? (await ask(upstream, body, gone.signal));
      asked.status = answer.status;
      if (wire.cuts?.(asked)) return void response.destroy();
      response.writeHead(answer.status, { 'Content-Type': 'text/xml', ...headers }).end(answer.text);
    } catch {
      // The page has given the request up, or the server has gone.
      response.destroy();
    }
  };

  const server = createServer(pass).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const wire = {
    url: `http://127.0.0.1:${server.address().port}/http-bind`,
    requests,
    /** Takes requests of another HTTP server. */
    pass,
    /** Answers in the place of the server, by `{ status, text }`, or leaves the request to the server. */
    answer: undefined,
    /** Whether the answer to a request is cut off. */
    cuts: undefined,
    /** The POST requests. */
    posts: () => requests.filter(({ method }) => method === 'POST'),
    /** The sids of the sessions that pages have used. */
    sids: () => new Set(requests.map((asked) => asked.attribute('sid')).filter(Boolean)),
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
  return wire;
}

async function ask(upstream, body, signal) {
  const headers = { 'Content-Type': 'text/xml; charset=utf-8' };
  const response = await fetch(upstream, { method: 'POST', body, headers, signal });
  return { status: response.status, text: await response.text() };
}
