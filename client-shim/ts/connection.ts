/**
 * The connection as an app uses it: Strophe's API over a session that the worker owns.
 *
 * Everything works at once. What is called before the worker is reached, or before the session is up, waits
 * and is carried out in order.
 */
import { serialize, type Treelike } from './builder.ts';
import { Status } from './constants.ts';
import { writeCookies } from './cookies.ts';
import type {
  ConnectionError,
  AuthenticationError,
  TimeoutError,
  RedirectError,
  AttachError,
  DisconnectedError,
  RefusedError,
  StanzaError,
} from './errors.ts';
import { Handler, type Callback, type HandlerOptions } from './handlers.ts';
import { Hooks } from './hooks.ts';
import { getBareJidFromJid, getDomainFromJid, getNodeFromJid, getResourceFromJid } from './jid.ts';
import type { Command } from './link.ts';
import { warn } from './log.ts';
import { textOfKeys, type ScramKeys } from './keys.ts';
import { ALL, Login, type Mechanism } from './login.ts';
import type { Authenticating, SASLMechanism } from './mechanisms.ts';
import type { ConnectionOptions } from './options.ts';
import { equip } from './plugins.ts';
import { elementOf, type Question, type Receipt, type Sendable, textOf } from './sendable.ts';
import { Participation } from './participation.ts';
import {
  type Abortable,
  listen,
  type Patience,
  reasonOf,
  type Stanzas,
  type StanzaSelector,
} from './stanzas.ts';
import type { TimedHandler } from './timed.ts';
import { Websocket } from './transports.ts';

/** A tab of the session, as the worker knows it. */
export interface Tab {
  /** Names the tab, before and after a reload. */
  tab: string;
  /** Whether it is this one. */
  own: boolean;
  /** `primary` in exactly one tab. */
  role: 'primary' | 'secondary';
  /** Whether its page can be seen. */
  visible: boolean;
  /** Whether it answers: a frozen tab does not. */
  awake: boolean;
  /**
   * How many stanzas, one by one, it may be given before it has to acknowledge some: 64, less what is in
   * flight, where a batch counts as 32.
   */
  credit: number;
  /** How many stanzas wait for it. */
  waiting: number;
  /** How many claims its handlers and hooks make. */
  claims: number;
}

/**
 * What the callback of `connect` and `attach` is told: a `Status`; the condition, where a specification, a
 * mechanism or the server names one, else the reason in a sentence; `null`, where Strophe has an element; and
 * the reason in a sentence. The last three are `null` where there is no reason to give. What it throws is
 * logged.
 */
export type StatusCallback = (
  this: Connection,
  status: Status,
  condition: string | null,
  element: Element | null,
  reason: string | null,
) => void;

/** Hears the code of a protocol error. */
export type ProtocolErrorCallback = (this: Connection, code: number) => unknown;

/** Hears the answer. */
type Answered = (stanza: Element) => unknown;

/** Hears the error, or `null` where no answer came. */
type Unanswered = (stanza: Element | null) => unknown;

/**
 * One page's end of a session. Tabs that connect to the same account share the session; each has handlers of
 * its own.
 */
export class Connection extends Hooks {
  /**
   * The address of the service, as it was given; another may be assigned, and counts from the next `connect`
   * or `attach` on.
   */
  service: string;
  /** The options, as they were given. */
  readonly options: ConnectionOptions;
  /** What carries the stream: an instance of `Strophe.Websocket`. */
  readonly _proto = new Websocket();
  /** The full JID once the session is up (RFC 7622); before, as it was given to `connect`. */
  jid = '';
  /** The domain of {@link jid}; `null` before `connect` or `attach` has said whose session it is. */
  domain: string | null = null;
  /**
   * The user name that authenticates (RFC 6120 §6.3.8); `null` before `connect`, and for an anonymous login.
   */
  authcid: string | null = null;
  /** The bare JID to act as (RFC 6120 §6.3.8); `null` before `connect`. */
  authzid: string | null = null;
  /**
   * What SCRAM derived from the password, set before CONNECTED or ATTACHED is reported, in the tabs that
   * brought that password; `null` after other mechanisms. {@link connect} takes it in the place of the
   * password. As secret as it.
   */
  scram_keys: ScramKeys | null = null;
  /** Whether the session is up, in this tab: from CONNECTED or ATTACHED to RECONNECTING or DISCONNECTED. */
  authenticated = false;
  /** Whether there is a stream: as {@link authenticated}, but from AUTHENTICATING on. */
  connected = false;
  /** Whether the session is being closed: from {@link disconnect}, in whichever tab, to DISCONNECTED. */
  disconnecting = false;
  /** Whether a BOSH session was restored: always `false`, without BOSH. */
  restored = false;
  /** `primary` in exactly one tab of a session, for work that must happen once; `null` outside a session. */
  role: 'primary' | 'secondary' | null = null;
  /**
   * How long {@link disconnect} waits for the server, in milliseconds. An argument of {@link connect}, and
   * may be assigned after it; default 3,000.
   */
  disconnection_timeout = 3000;
  /** The callback of the latest `connect` or `attach`. */
  connect_callback: StatusCallback | null = null;

  readonly #participation = new Participation(this);
  #uniqueId = 0;
  /** What was registered: in the place of the option `mechanisms`, and besides. */
  #listed: readonly Mechanism[] | undefined;
  #added: Mechanism[] = [];

  /**
   * Makes a connection; nothing is opened before `connect` or `attach`. Needs no DOM.
   *
   * @param service the WebSocket address of the XMPP service (RFC 7395): `ws:` or `wss:`, or relative with
   * the option `protocol`. One that cannot be meant is CONNFAIL at `connect` and `attach`, in a sentence
   * @throws Error when `protocol` names an unknown one, or `cookies` has what is none
   */
  constructor(service: string, options: ConnectionOptions = {}) {
    super();
    this.service = service;
    this.options = options;
    const { cookies, protocol } = options;
    if (protocol && protocol !== 'ws' && protocol !== 'wss') {
      throw new Error(`the option protocol is "ws" or "wss", not ${JSON.stringify(protocol)}`);
    }
    if (cookies) writeCookies(cookies);
    equip(this);
  }

  /**
   * The server's `<stream:features/>` behind authentication (RFC 6120 §4.3.2) while the session is up, also
   * in tabs that join; else `null`.
   */
  get features(): Element | null {
    return this.#participation.features;
  }

  /** An app or a plugin may put others in their place, for as long as the session lasts. */
  set features(features: Element | null) {
    this.#participation.features = features;
  }

  /**
   * Resolves, with this connection, when the session is up: CONNECTED or ATTACHED. Before the first `connect`
   * or `attach` it waits for that; when the session is lost and redialled it is a new promise, which waits
   * for the next. It is rejected when an attempt fails or the session is over, until the next `connect` or
   * `attach`: with a {@link ConnectionError}, an {@link AuthenticationError}, a {@link TimeoutError}, a
   * {@link RedirectError}, an {@link AttachError} or, after a logout say, a {@link DisconnectedError}. A
   * connection whose `ready` nobody asks for rejects nothing.
   */
  get ready(): Promise<this> {
    return this.#participation.ready.promise as Promise<this>;
  }

  /**
   * Logs in, or joins the session of this account with the same credentials; others are tried at the server
   * first. CONNECTING is reported before this returns; then the callback hears CONNECTED in the tab that
   * opens the session and ATTACHED in those that join it. An attempt that fails is CONNFAIL, AUTHFAIL,
   * CONNTIMEOUT or REDIRECT with the reason, then DISCONNECTED; also where the arguments cannot be meant:
   * CONNFAIL for a JID that is none, AUTHFAIL for credentials that no mechanism can use
   * (`saslprep-prohibited`, `scram-keys-malformed`, …). A session that this connection has is left.
   *
   * @param jid the account, with the resource to ask for if any (RFC 6120 §7.7.1); a bare domain to log in
   * anonymously
   * @param pass the password; a token; or the keys that an earlier login left in {@link scram_keys}, which do
   * until the server draws another salt
   * @param callback hears each status, from now until the next `connect` or `attach`
   * @param _wait for BOSH, as are the next two: ignored
   * @param _hold ignored
   * @param _route ignored
   * @param authcid the user name to authenticate as, where it is not the node of the JID (RFC 6120 §6.3.8)
   * @param disconnection_timeout how long {@link disconnect} waits for the server to close the stream too, in
   * milliseconds; default 3,000
   * @throws what the constructor or `test` of a mechanism throws
   */
  connect(
    jid: string,
    pass?: string | ScramKeys | null,
    callback?: StatusCallback | null,
    _wait?: number,
    _hold?: number,
    _route?: string,
    authcid?: string | null,
    disconnection_timeout = 3000,
  ): void {
    this.disconnection_timeout = disconnection_timeout;
    this.connect_callback = callback ?? null;
    const keys = pass && typeof pass === 'object' ? textOfKeys(pass) : undefined;
    const password = keys ? undefined : (pass ?? undefined);
    const understood = typeof jid === 'string' && (password === undefined || typeof password === 'string');
    if (understood) {
      this.jid = jid;
      this.domain = getDomainFromJid(jid);
      this.authzid = getBareJidFromJid(jid);
      this.authcid = authcid || getNodeFromJid(jid);
    }
    this.#participation.begin();
    this.#participation.report(Status.CONNECTING, null);
    this.scram_keys = null;
    if (!understood)
      return this.#participation.fail(
        'connect takes the JID as a string, and a password or the keys of SCRAM',
      );
    const authenticating = withPassword(this, pass);
    const listed = this.#listed ?? this.options.mechanisms;
    const login = new Login([...(listed ?? ALL), ...this.#added], authenticating);
    const { mechanisms, own } = login;
    const { sessionKey } = this.options;
    const command = (service: string): Command => ({
      run: (tab) =>
        tab.connect(
          performance.now(),
          service,
          jid,
          authcid ? String(authcid) : undefined,
          password,
          keys,
          mechanisms.map(({ mechname }) => String(mechname)),
          ranks(mechanisms),
          own,
          !!listed,
          sessionKey === undefined || sessionKey === null ? undefined : String(sessionKey),
          !!this.options.explicitResourceBinding,
          this.options.reconnect ?? true,
          this.options.attach ?? true,
          amount(this.options.reloadGrace, 10_000),
          amount(this.options.queue?.stanzas, 10_000),
          amount(this.options.queue?.bytes, 16 * 1024 * 1024),
        ),
    });
    this.#participation.join(command, login);
  }

  /**
   * Joins a session that is there, without credentials: the one of the account that this tab had before a
   * reload, else the only one of the service. The callback hears ATTACHED, or ATTACHFAIL and why: there is
   * none, or several, or the login of the one there is fails, or it was opened with `attach: false`. A page
   * without a worker shares nothing, so there it is ATTACHFAIL.
   *
   * @param callback hears each status, from now until the next `connect` or `attach`
   * @param bosh none: the other arguments of Strophe are for BOSH
   * @throws Error when called with the arguments of BOSH
   */
  attach(callback?: StatusCallback | null, ...bosh: unknown[]): void {
    if (typeof callback === 'string' || bosh.length > 0) {
      throw new Error('attach(jid, sid, rid, …) is for BOSH; with a worker it takes the callback only');
    }
    this.connect_callback = callback ?? null;
    this.#participation.begin();
    this.#participation.attach(!!this.options.explicitResourceBinding);
  }

  /**
   * Binds a resource (RFC 6120 §7), that of {@link jid} if it has one, where BINDREQUIRED was reported:
   * option `explicitResourceBinding`. The first tab that does so binds for all. Where nothing waits for it,
   * an error is logged.
   */
  bind(): void {
    this.#participation.bind(getResourceFromJid(this.jid) ?? undefined);
  }

  /**
   * Of BOSH: with a worker a page finds its session again by {@link attach}.
   *
   * @throws Error always
   */
  restore(): never {
    throw new Error('restore is for BOSH; with a worker use attach');
  }

  /**
   * Allows a further mechanism from the next `connect` on, or another in the place of one of the same name.
   *
   * @throws what its constructor throws
   */
  registerSASLMechanism(mechanism: Mechanism): void {
    this.#added.push(mechanism);
  }

  /**
   * Allows these mechanisms and no other, as the option `mechanisms` does, from the next `connect` on;
   * without an argument those of that option again.
   */
  registerSASLMechanisms(mechanisms?: readonly Mechanism[]): void {
    this.#listed = mechanisms;
    this.#added = [];
  }

  /**
   * Ends the session, for every tab: all hear DISCONNECTING, then DISCONNECTED, and before that CONNTIMEOUT
   * where the server did not close the stream too (RFC 7395 §3.6), within {@link disconnection_timeout}. A
   * tab that only leaves needs to call nothing: called in a listener of `beforeunload`, `pagehide` or
   * `unload` this ends no session that other tabs or the page after a reload may want, and a page that stays
   * after all hears DISCONNECTING and DISCONNECTED when that time is up, for itself alone.
   *
   * @param reason the app's own: the log of the worker says only that there was one
   */
  disconnect(reason?: string): void {
    if (this.#participation.ended) {
      warn('disconnect was called before connect');
      for (const status of [Status.DISCONNECTING, Status.DISCONNECTED])
        this.#participation.report(status, reason ?? null, reason);
      return;
    }
    this.disconnecting = this.connected;
    this.flush();
    // An app may give what it was called with: an event, say.
    const why = reason === undefined || reason === null ? undefined : String(reason);
    const patience = amount(this.disconnection_timeout, 3000);
    const command: Command = { run: (tab) => tab.disconnect(performance.now(), why, patience) };
    // What is being handled: an app may have come here by way of a promise, and before any listener of ours.
    if (/^(beforeunload|pagehide|unload)$/.test(globalThis.event?.type ?? ''))
      this.#participation.part(command, patience);
    else this.#participation.run(command);
  }

  /**
   * Forgets everything about the session, which goes on for other tabs: this one hears no further status, its
   * handlers are gone, and what it waits for ends. What the app said stays for the next `connect`, {@link
   * jid} and the callback among it.
   */
  reset(): void {
    this.#participation.reset();
  }

  /** Whether stanzas are held back by {@link pause}. */
  get paused(): boolean {
    return this.#participation.outbox.paused;
  }

  /** As {@link pause} and {@link resume}. */
  set paused(paused: boolean) {
    if (paused) this.pause();
    else this.resume();
  }

  /** Holds back what is sent and asked from now on, without a bound, until {@link resume}. */
  pause(): void {
    this.flush();
    this.#participation.outbox.paused = true;
  }

  /** Sends what {@link pause} held back. */
  resume(): void {
    this.#participation.outbox.paused = false;
    this.flush();
  }

  /** Sends what waits for the end of the current task now; nothing while {@link paused}. */
  flush(): void {
    this.#participation.outbox.flush();
  }

  /**
   * Sends a stanza, or an array of them, in order; `null` and `undefined` are passed over. The worker checks
   * each: one that would break the stream is not sent (see {@link RefusedError}), and an error is logged.
   * While the session comes up, up to 1,000 wait for it; where none does, the condition is `not-connected`.
   *
   * @returns what became of the last of them; never rejects
   * @throws TypeError when it is nothing that can be sent
   */
  send(stanza: Sendable | readonly Sendable[]): Promise<Receipt> {
    const stanzas = (Array.isArray(stanza) ? stanza : [stanza]) as readonly Sendable[];
    return this.#participation.outbox.send(
      stanzas.filter((one) => one !== null && one !== undefined).map(textOf),
    );
  }

  /**
   * Sends an IQ of type `get` or `set` (RFC 6120 §8.2.3) and calls back with its answer, and with nobody
   * else's. One of the two is called, once.
   *
   * @param ok hears the result
   * @param err hears the error, which this library makes up where the IQ was not sent; or `null` where no
   * answer came: in time, or before the session ended
   * @param timeout in milliseconds, the wait for the session included; without it or with 0, for as long as
   * the session lasts
   * @returns the `id`, which is made up where the IQ has none
   * @throws Error when text is not well-formed, or where there is no DOM
   */
  sendIQ(
    stanza: Element | Treelike | string,
    ok?: Answered | null,
    err?: Unanswered | null,
    timeout?: number,
  ): string {
    return this.#ask(stanza, timeout, { ok: (result) => ok?.(result), err: ({ element }) => err?.(element) });
  }

  /**
   * Sends an IQ of type `get` or `set` (RFC 6120 §8.2.3) and waits for its answer: the result.
   *
   * The promise is rejected with a {@link StanzaError} where the answer is an error, a {@link TimeoutError}
   * when none came within `timeout`, a {@link DisconnectedError} when the session ended before it came or
   * there is none, a {@link RefusedError} when the IQ breaks a rule and was not sent, with the `reason` of
   * `signal` when that is aborted (an answer that comes after that goes nowhere), and with an Error when text
   * is not well-formed.
   */
  iq(stanza: Element | Treelike | string, { timeout, signal }: Patience = {}): Promise<Element> {
    return new Promise((ok, err) => {
      const abort = (): void => err(reasonOf(signal));
      if (signal?.aborted) return abort();
      const settling =
        <T>(settle: (outcome: T) => void) =>
        (outcome: T): void => {
          signal?.removeEventListener('abort', abort);
          settle(outcome);
        };
      signal?.addEventListener('abort', abort);
      this.#ask(stanza, timeout, { ok: settling(ok), err: settling(err), signal });
    });
  }

  /**
   * Sends a presence and calls back with the answer of its `id`, if one comes: a room that was entered
   * (XEP-0045 §7.2.2), an error. When the session ends first, nobody is called.
   *
   * @param ok hears a presence that is no error
   * @param err hears an error, or `null` when nothing came within `timeout`
   * @param timeout in milliseconds; without it or with 0, for as long as the session lasts
   * @returns the `id`, which is made up where the presence has none
   * @throws Error when text is not well-formed, or where there is no DOM
   */
  sendPresence(
    stanza: Element | Treelike | string,
    ok?: Answered | null,
    err?: Unanswered | null,
    timeout?: number,
  ): string {
    const element = elementOf(stanza);
    const id = this.#identified(element, 'sendPresence');
    if (ok || err) {
      let timer: TimedHandler | undefined;
      const handler = this.addHandler(
        (answer) => {
          if (timer) this.deleteTimedHandler(timer);
          if (answer.getAttribute('type') === 'error') err?.(answer);
          else ok?.(answer);
        },
        null,
        'presence',
        null,
        id,
      );
      if (timeout) {
        timer = this.addTimedHandler(timeout, () => {
          this.deleteHandler(handler);
          err?.(null);
        });
      }
    }
    void this.send(element);
    return id;
  }

  /**
   * Calls `handler` with each stanza that matches everything given, for as long as it returns something
   * truthy; one that throws is removed, and the log says so. It begins with what comes behind the stanza that
   * is being handled, else with what comes from now on, and ends with the session: each CONNECTED and
   * ATTACHED starts with an empty list. An IQ request that no handler of any tab takes is answered with
   * `service-unavailable` (RFC 6120 §8.2.3). One that a handler took the app may answer when it can, as long
   * as the page lives and is not frozen: then the next tab is asked. A ping (XEP-0199) is answered after 2 s
   * for the app, if it has not done so.
   *
   * @param ns the namespace of the stanza or of anything within it
   * @param name the tag name, with or without its prefix
   * @param type the `type`, or several of which one must match
   * @param id the `id`
   * @param from the `from`, in whatever spelling of the same JID; with `matchBareFromJid` whatever the
   * resource
   * @returns what {@link deleteHandler} takes
   */
  addHandler(
    handler: Callback,
    ns?: string | null,
    name?: string | null,
    type?: string | readonly string[] | null,
    id?: string | null,
    from?: string | null,
    options?: HandlerOptions | null,
  ): Handler {
    return this.#participation.inbox.add(new Handler(handler, ns, name, type, id, from, options));
  }

  /** Removes a handler, at once. One that is not there is no error. */
  deleteHandler(handler: Handler): void {
    this.#participation.inbox.handlers.delete(handler);
  }

  /**
   * The stanzas that match everything given, from this call on, in order:
   * `for await (const message of connection.stanzas({ name: 'message' }))`. As for a handler, whoever takes a
   * request answers it.
   *
   * None is lost between two turns of the loop: what comes meanwhile waits here, without a bound, so a loop
   * that is slower than what comes for it should ask for less. The loop ends with the session, also when that
   * is redialled: stanzas are missed then, and the loop of the next session is made when that is up, like
   * handlers. A `break` ends it too; `signal` does with its `reason`, and drops what waits.
   *
   * @param selector by default everything
   */
  stanzas(selector: StanzaSelector = {}, { signal }: Abortable = {}): Stanzas {
    return listen(this.#participation.inbox, selector, signal);
  }

  /**
   * Calls `handler` after `period` milliseconds of the session being up, and again for as long as it returns
   * something truthy. It ends with the session; one that throws is removed, and the log says so.
   *
   * @returns what {@link deleteTimedHandler} takes
   */
  addTimedHandler(period: number, handler: () => unknown): TimedHandler {
    return this.#participation.timed.add(period, handler);
  }

  /** Removes a timed handler, at once. One that is not there is no error. */
  deleteTimedHandler(handler: TimedHandler): void {
    this.#participation.timed.delete(handler);
  }

  /**
   * Calls `callback` with `code` when the WebSocket is closed with it (RFC 6455 §7.4) and nobody asked for
   * that: when the service cannot be reached, or the connection is lost, before the status says so. A further
   * attempt to dial that fails is no news. The latest callback of a code counts, for as long as this
   * connection is there. Codes of `HTTP` are of BOSH: such a callback is never called.
   */
  addProtocolErrorHandler(
    protocol: 'websocket' | 'HTTP',
    code: number,
    callback: ProtocolErrorCallback,
  ): void {
    if (protocol === 'websocket') this.#participation.codes.set(code, callback);
  }

  /** An id that no other stanza has, of no other tab either, with `suffix` behind a colon. */
  getUniqueId(suffix?: string | number): string {
    const id = `${randomPart()}-${++this.#uniqueId}`;
    return suffix === undefined || suffix === null ? id : `${id}:${suffix}`;
  }

  /**
   * Whether this stanza is a contact's current presence, which came before this tab did and was kept for it.
   */
  isReplayed(stanza: Element): boolean {
    return this.#participation.inbox.isReplayed(stanza);
  }

  /**
   * What the worker knows of the tabs of this session, in the order in which they came; none outside a
   * session.
   */
  tabs(): Promise<Tab[]> {
    return this.#participation.tabs();
  }

  /** Whether the stream of this session was resumed (XEP-0198): always `false`, until that is there. */
  hasResumed(): boolean {
    return false;
  }

  /** Whether the stream is acknowledged (XEP-0198): always `false`, until that is there. */
  isStreamManagementEnabled(): boolean {
    return false;
  }

  protected override hooked(): void {
    // A hook on the prototype belongs to no connection yet.
    if (#participation in this) this.#participation.inbox.claimHooks();
  }

  #ask(
    stanza: Element | Treelike | string,
    timeout: number | undefined,
    question: Omit<Question, 'id'>,
  ): string {
    const element = elementOf(stanza);
    const id = this.#identified(element, 'sendIQ');
    this.#participation.outbox.ask(serialize(element), Number(timeout) || undefined, { ...question, id });
    return id;
  }

  #identified(element: Element, suffix: string): string {
    const id = element.getAttribute('id') || this.getUniqueId(suffix);
    element.setAttribute('id', id);
    return id;
  }
}

/**
 * Priorities as the worker takes them; of those that are negative or broken, which are rare, the places among
 * each other.
 */
function ranks(mechanisms: readonly SASLMechanism[]): Uint32Array {
  const priorities = mechanisms.map(({ priority }) => Number(priority) || 0);
  if (priorities.every((priority) => priority >>> 0 === priority)) return Uint32Array.from(priorities);
  const places = [...new Set(priorities)].sort((one, other) => one - other);
  return Uint32Array.from(priorities, (priority) => places.indexOf(priority));
}

/** The connection as a mechanism sees it: all that is there, and the password, which is not kept. */
function withPassword(connection: Connection, pass: unknown): Authenticating {
  return new Proxy(connection, {
    get(_, name) {
      if (name === 'pass') return pass;
      const value: unknown = Reflect.get(connection, name);
      // What is private in a connection is not there for a proxy.
      return typeof value === 'function' ? value.bind(connection) : value;
    },
  });
}

/** As a number that crosses to the worker: whole, and of 32 bits. */
function amount(given: number | undefined, fallback: number): number {
  return Math.min(Math.max(given ?? fallback, 0), 2 ** 32 - 1);
}

function randomPart(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('');
}
