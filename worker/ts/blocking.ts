/**
 * Requests that block the page, for Strophe's option `sync`: a request of such a session that carries
 * something is made by a synchronous XMLHttpRequest. Only the engine in a page has these.
 */
import type { Http } from '../pkg/epode_worker.js';

/** How the answer of a request is handed to the engine. */
export interface Answers {
  responded(socket: number, id: number, status: number, text: string): void;
  failed(socket: number, id: number): void;
}

/** The sids of the sessions whose requests block. */
const blocking = new Set<string>();

/** Makes the requests of this session blocking, or not. */
export function block(sid: string, on: boolean): void {
  if (on) blocking.add(sid);
  else blocking.delete(sid);
}

/** Makes requests by `http`, but for those that block. */
export function withBlocking(http: Http, { responded, failed }: Answers): Http {
  return {
    request(socket, id, url, body, headers, withCredentials, isFarewell, isPoll) {
      // A page that is unloaded may make no synchronous request, so the farewell is not one.
      if (isFarewell || isPoll || !blocking.has(sidOf(body)))
        return http.request(socket, id, url, body, headers, withCredentials, isFarewell, isPoll);
      const answer = ask(url, body, headers, withCredentials);
      // The engine is busy until this returns.
      queueMicrotask(() => (answer ? responded(socket, id, ...answer) : failed(socket, id)));
    },
    abort: (socket, id) => http.abort(socket, id),
  };
}

/** The status and the text; `undefined` without an answer. */
function ask(
  url: string,
  body: string,
  headers: readonly string[],
  withCredentials: boolean,
): [number, string] | undefined {
  const request = new XMLHttpRequest();
  try {
    request.open('POST', url, false);
    for (let at = 0; at + 1 < headers.length; at += 2)
      request.setRequestHeader(headers[at]!, headers[at + 1]!);
    request.withCredentials = withCredentials;
    request.send(body);
  } catch {
    return undefined;
  }
  // The browser has followed a redirect, to an address that the app has not chosen.
  if (request.responseURL !== url) return [0, ''];
  return [request.status, request.responseText];
}

/** The sid of a body that the engine has written; its attributes stand in quotes and have no `>`. */
function sidOf(body: string): string {
  return /^<body[^>]*? sid='([^'>]*)'/.exec(body)?.[1] ?? '';
}
