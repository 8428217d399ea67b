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
  /** The open connections over which a POST has come. */
  const sockets = new Set();

  const pass = async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    const asked = new Asked(request, body);
    requests.push(asked);
    if (asked.method === 'POST' && !sockets.has(request.socket)) {
      sockets.add(request.socket);
      request.socket.on('close', () => sockets.delete(request.socket));
      wire.most = Math.max(wire.most, sockets.size);
    }
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    const { origin, 'access-control-request-headers': names } = request.headers;
    const headers = {
      'Access-Control-Allow-Origin': origin ?? '*',
      'Access-Control-Allow-Credentials': 'true',
    };
    if (names) headers['Access-Control-Allow-Headers'] = names;
    if (request.method === 'OPTIONS') return void response.writeHead(204, headers).end();
    const cut = wire.cut?.(asked);
    try {
      if (typeof cut === 'object') setTimeout(() => response.destroy(), cut.after);
      if (cut?.lost) return;
      const answer = wire.answer?.(asked) ?? (await ask(upstream, body, gone.signal));
      asked.status = answer.status;
      const bytes = Buffer.from(answer.text);
      const type = { 'Content-Type': 'text/xml', 'Content-Length': bytes.length };
      response.writeHead(answer.status, { ...type, ...headers });
      if (typeof cut !== 'number') return void response.end(bytes);
      response.write(bytes.subarray(0, cut * bytes.length), () => response.destroy());
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
    /**
     * Cuts a connection off: returns the part of the answer, from 0 to 1, that passes; or `{ after, lost }`,
     * for so many milliseconds after the request, which the server may hold meanwhile, or does not hear if it
     * is lost.
     */
    cut: undefined,
    /** The number of connections for POST requests that were open at a time, at most. */
    most: 0,
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
