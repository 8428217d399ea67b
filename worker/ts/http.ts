// The HTTP requests of BOSH sessions, by the rules that `epode_bosh` has for its edge.

import { failed, responded, type Http } from '../pkg/epode_worker.js';

/** A request as the engine wants it. */
export interface HttpRequest {
  url: string;
  body: string;
  /** Each name is followed by its value. */
  headers: readonly string[];
  withCredentials: boolean;
  /** Whether the request ends its session, and has to outlive the page. */
  isFarewell: boolean;
  /** Whether the request carries nothing but asks for stanzas: the server may hold it for long. */
  isPoll: boolean;
  signal: AbortSignal;
}

/** The status, 0 for a redirect that the browser hides, and the text. */
export interface HttpResponse {
  status: number;
  text: string;
}

/** The engine takes no response of more bytes than this, and each character is a byte at least. */
const LARGEST = 8 << 20;

/** The most bytes under way that may outlive a page are 65,536 (Fetch, "HTTP-network-or-cache fetch"). */
const LASTING = 20_000;

/** The attempts that can be aborted. */
const underWay = new Map<string, AbortController>();

/** Makes requests by `fetch`. */
export const http: Http = {
  request(socket, id, url, body, headers, withCredentials, isFarewell, isPoll) {
    const key = `${socket} ${id}`;
    const abort = new AbortController();
    const { signal } = abort;
    underWay.set(key, abort);
    void ask({ url, body, headers, withCredentials, isFarewell, isPoll, signal })
      .then(
        ({ status, text }) => responded(socket, id, status, text),
        () => failed(socket, id),
      )
      .finally(() => underWay.delete(key));
  },
  abort: (socket, id) => underWay.get(`${socket} ${id}`)?.abort(),
};

/** Rejected if there is no whole response. */
async function ask(request: HttpRequest): Promise<HttpResponse> {
  const { url, body, headers, withCredentials, isFarewell, signal } = request;
  const pairs = headers.flatMap((name, at) => (at % 2 ? [] : [[name, headers[at + 1]!] as [string, string]]));
  const response = await fetch(url, {
    method: 'POST',
    body,
    headers: pairs,
    credentials: withCredentials ? 'include' : 'same-origin',
    // A redirect would make a GET of the POST, or show a login to an address that the app has not chosen.
    redirect: 'manual',
    keepalive: isFarewell && body.length < LASTING,
    signal,
  });
  return { status: response.status, text: await read(response) };
}

/** The text; of a response that is too large, as much as shows that. */
async function read({ body }: Response): Promise<string> {
  let text = '';
  if (!body) return text;
  const reader = body.getReader();
  const decoder = new TextDecoder();
  while (text.length <= LARGEST) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    text += decoder.decode(value, { stream: true });
  }
  void reader.cancel();
  return text;
}
