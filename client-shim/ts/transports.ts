/**
 * Strophe's classes of transports, which apps test: `connection._proto instanceof Strophe.Bosh`. The worker
 * has the transport itself; these say which one is meant, and for BOSH how the session stands.
 */
import { NS } from './constants.ts';
import { escapeAttribute } from './escape.ts';
import { warn } from './log.ts';
import type { Protocol } from './service.ts';

/** The state of a session over BOSH, as Strophe names the fields and sets them first. */
const STATE = {
  rid: 0,
  sid: null as string | null,
  wait: 60,
  hold: 1,
  window: 5,
  inactivity: null as number | null,
  errors: 0,
  lastResponseHeaders: null as string | null,
  _requests: [] as readonly unknown[],
};

/** The state of a session over BOSH. */
export type BoshState = typeof STATE;

/**
 * HTTP (XEP-0124, XEP-0206). The fields are copies of what the worker told last: an app that assigns one
 * changes nothing, and is warned.
 */
export class Bosh {
  /**
   * Whether hooks see stanzas alone. With `false`, each stanza is in a `<body/>`, as in Strophe. Strophe's
   * `'body'` means `true`. May be assigned, and on the prototype for all connections to come.
   */
  declare strip: boolean | string;
  /** The rid of the next request; before there is a session, a random number. */
  declare readonly rid: number;
  /** The id of the session; `null` without one. */
  declare readonly sid: string | null;
  /** For how many seconds the server holds a request. */
  declare readonly wait: number;
  /** How many requests the server holds. */
  declare readonly hold: number;
  /** How many requests may be unanswered. */
  declare readonly window: number;
  /** For how many seconds the server keeps a session without a request; `null` if unknown. */
  declare readonly inactivity: number | null;
  /** How many requests have failed since the last that was answered. */
  declare readonly errors: number;
  /** Always `null`: the worker reads the headers of responses. */
  declare readonly lastResponseHeaders: string | null;
  /** Always empty: the worker has the requests. */
  declare readonly _requests: readonly unknown[];
  /** Sets fields, by their names: for this package. */
  declare readonly _tell: (told: object) => void;

  /** @param _connection Strophe's constructor takes the connection */
  constructor(_connection?: unknown) {
    const state: BoshState = { ...STATE, rid: randomRid() };
    for (const name of Object.keys(state) as (keyof BoshState)[]) {
      Object.defineProperty(this, name, {
        enumerable: true,
        get: () => state[name],
        set: () => warn(`_proto.${name} was assigned, which changes nothing: the worker has the session`),
      });
    }
    Object.defineProperty(this, '_tell', { value: (told: object) => void Object.assign(state, told) });
    this.strip = Bosh.prototype.strip ?? false;
  }

  /**
   * Forgets the session. Strophe's transports end theirs so, and apps call this before they change `_proto`.
   */
  _doDisconnect(): void {
    this._tell({ ...STATE, rid: randomRid() });
  }

  /** A stanza as hooks see it, sent with a `rid` or received without. */
  _around(stanza: string, isSent: boolean): string {
    if (this.strip) return stanza;
    const rid = isSent ? ` rid="${this.rid}"` : '';
    const sid = this.sid === null ? '' : ` sid="${escapeAttribute(this.sid)}"`;
    return `<body xmlns="${NS.HTTPBIND}"${rid}${sid}>${stanza}</body>`;
  }
}

/** What a transport sees of its connection. */
interface Connected {
  /** Whether there is a stream. */
  readonly connected: boolean;
}

/** The stand-in for a socket that is open. */
interface OpenSocket {
  /** `WebSocket.OPEN`. */
  readonly readyState: 1;
}

/** A WebSocket (RFC 7395). */
export class Websocket {
  readonly #connection: Connected | undefined;

  /** @param connection whose transport this is */
  constructor(connection?: Connected) {
    this.#connection = connection;
  }

  /** Open while the connection is there, else `null`: apps ask for the `readyState`. The worker has it. */
  get socket(): OpenSocket | null {
    return this.#connection?.connected ? { readyState: 1 } : null;
  }

  /** Does nothing: the worker ends the socket. Apps call this before they change `_proto`. */
  _doDisconnect(): void {}

  /** A stanza as hooks see it. */
  _around(stanza: string, _isSent: boolean): string {
    return stanza;
  }
}

/** The transport of a connection. */
export type Transport = Bosh | Websocket;

/** The class of the transport that a service wants: an address that is no WebSocket's is that of BOSH. */
export function transportOf(service: string, protocol: Protocol | undefined): typeof Bosh | typeof Websocket {
  return protocol || /^wss?:/i.test(service) ? Websocket : Bosh;
}

function randomRid(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]! || 1;
}
