/**
 * The connection as an app uses it: Strophe's API over a session that the worker owns.
 *
 * Everything works at once. What is called before the worker is reached, or before the session is up, waits and is carried out in order.
 */
import type { Audience } from '../pkg/epode_client_shim.js';
import { serialize, type Treelike } from './builder.ts';
import { Status } from './constants.ts';
import { writeCookies } from './cookies.ts';
import { DisconnectedError, type RefusedError, type StanzaError, type TimeoutError } from './errors.ts';
import { Handler, type Callback, type HandlerOptions } from './handlers.ts';
import { Hooks } from './hooks.ts';
import { Inbox, parsed } from './inbox.ts';
import { getBareJidFromJid, getDomainFromJid, getNodeFromJid, getResourceFromJid } from './jid.ts';
import { Link, type Wish } from './link.ts';
import { error, guarded, tell, warn, type Log } from './log.ts';
import { Login, type Mechanism } from './login.ts';
import { ALL, keysOfText, livesInPage, textOfKeys, type Authenticating, type ScramKeys } from './mechanisms.ts';
import type { ConnectionOptions } from './options.ts';
import { Outbox, taken } from './outbox.ts';
import { Ready } from './ready.ts';
import { elementOf, type Question, type Receipt, type Sendable, textOf } from './sendable.ts';
import { resolveService } from './service.ts';
import { type Abortable, listen, type Patience, reasonOf, type Stanzas, type StanzaSelector } from './stanzas.ts';
import { TimedHandler, TimedHandlers } from './timed.ts';
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
  /** How many posts it may be given before it has to acknowledge some: 16, less those in flight. */
  credit: number;
  /** How many stanzas wait for it. */
  waiting: number;
  /** How many claims its handlers and hooks make. */
  claims: number;
}

/** Stanzas that were given up. A position numbers the stanzas of a session in the order in which they arrive in the worker. */
export interface Gap {
  /** The position of the first. */
  from: number;
  /** The position of the last. */
  to: number;
  /** How many that this tab had claimed are missing. */
  count: number;
}

/**
 * What the callback of `connect` and `attach` is told: a `Status`; the condition, where a specification, a mechanism or the server
 * names one, else the reason in a sentence; `null`, where Strophe has an element; and the reason in a sentence. The last three are `null` where there is
 * no reason to give. What it throws is logged.
 */
export type StatusCallback = (
  this: Connection,
  status: Status,
  condition: string | null,
  element: Element | null,
  reason: string | null,
) => void;

/** A plugin: each connection has an object of its own that inherits from it. */
export interface ConnectionPlugin {
  /** Called by the constructor of each connection. What it throws, that throws. */
  init?(connection: Connection): void;
  /** Called with each status and its condition, before the callback of `connect`. What it throws is logged. */
  statusChanged?(status: Status, condition: string | null): void;
}

/** Hears the code of a protocol error. */
type ProtocolErrorCallback = (this: Connection, code: number) => unknown;

/** Hears the answer. */
type Answered = (stanza: Element) => unknown;

/** Hears the error, or `null` where no answer came. */
type Unanswered = (stanza: Element | null) => unknown;

const plugins = new Map<string, ConnectionPlugin>();

/** Makes an object that inherits from `prototype` part of every connection made from now on, as `connection[name]`. */
export function addConnectionPlugin(name: string, prototype: ConnectionPlugin): void {
  plugins.set(name, prototype);
}

/** One page's end of a session. Tabs that connect to the same account share the session; each has handlers of its own. */
export class Connection extends Hooks {
  /** The address of the service, as it was given; another may be assigned, and counts from the next `connect` or `attach` on. */
  service: string;
  /** The options, as they were given. */
  readonly options: ConnectionOptions;
  /** What carries the stream: an instance of `Strophe.Websocket`. */
  readonly _proto = new Websocket();
  /** The full JID once the session is up (RFC 7622); before, as it was given to `connect`. */
  jid = '';
  /** The domain of {@link jid}; `null` before `connect` or `attach` has said whose session it is. */
  domain: string | null = null;
  /** The server's `<stream:features/>` behind authentication (RFC 6120 §4.3.2) while the session is up, also in tabs that join; else `null`. */
  features: Element | null = null;
  /** The user name that authenticates (RFC 6120 §6.3.8); `null` before `connect`, and for an anonymous login. */
  authcid: string | null = null;
  /** The bare JID to act as (RFC 6120 §6.3.8); `null` before `connect`. */
  authzid: string | null = null;
  /**
   * What SCRAM derived from the password, set before CONNECTED or ATTACHED is reported, in the tabs that brought that password; `null` after other
   * mechanisms. {@link connect} takes it in the place of the password. As secret as it.
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
  /** How long {@link disconnect} waits for the server, in milliseconds. An argument of {@link connect}, and may be assigned after it; default 3,000. */
  disconnection_timeout = 3000;
  /** The callback of the latest `connect` or `attach`. */
  connect_callback: StatusCallback | null = null;

  readonly #inbox = new Inbox(this, (wish) => this.#link?.run(wish));
  readonly #outbox = new Outbox(this, (wish) => this.#run(wish));
  readonly #asked = new Map<number, (tabs: Tab[]) => void>();
  readonly #timed = new TimedHandlers();
  readonly #ready = new Ready<this>();
  readonly #protocolErrors = new Map<number, ProtocolErrorCallback>();
  #link: Link | undefined;
  /** The place of the latest link in this page. */
  #place: string | undefined;
  /** What to wish again when the page comes back from the back/forward cache. */
  #membership: Wish | undefined;
  /** Counts the attempts, so that the end of one is not taken for that of the next. */
  #attempt = 0;
  #uniqueId = 0;
  /** What was registered: in the place of the option `mechanisms`, and besides. */
  #listed: readonly Mechanism[] | undefined;
  #added: Mechanism[] = [];
  #login: Login | undefined;
  /** Whether the session waits for `bind`. */
  #unbound = false;
  /** The absolute address of the service, once it was needed. */
  #address: string | undefined;

  /**
   * Makes a connection; nothing is opened before `connect` or `attach`. Needs no DOM.
   *
   * @param service the WebSocket address of the XMPP service (RFC 7395): `ws:` or `wss:`, or relative with the option `protocol`. One that cannot be
   * meant is CONNFAIL at `connect` and `attach`, in a sentence
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
    for (const [name, prototype] of plugins) {
      const plugin = Object.create(prototype) as ConnectionPlugin;
      (this as unknown as Record<string, unknown>)[name] = plugin;
      plugin.init?.(this);
    }
  }

  /**
   * Resolves, with this connection, when the session is up: CONNECTED or ATTACHED. Before the first `connect` or `attach` it waits for that; when the
   * session is lost and redialled it is a new promise, which waits for the next. It is rejected when an attempt fails or the session is over, until the next `connect` or
   * `attach`: with a {@link ConnectionError}, an {@link AuthenticationError}, a {@link TimeoutError}, a {@link RedirectError}, an {@link AttachError}
   * or, after a logout say, a {@link DisconnectedError}. A connection whose `ready` nobody asks for rejects nothing.
   */
  get ready(): Promise<this> {
    return this.#ready.promise;
  }

  /**
   * Logs in, or joins the session of this account with the same credentials; others are tried at the server first. CONNECTING is reported before
   * this returns; then the callback hears CONNECTED in the tab that opens the session and ATTACHED in those that join it. An attempt that fails is
   * CONNFAIL, AUTHFAIL, CONNTIMEOUT or REDIRECT with the reason, then DISCONNECTED; also where the arguments cannot be meant: CONNFAIL for a JID that is
   * none, AUTHFAIL for credentials that no mechanism can use (`saslprep-prohibited`, `scram-keys-malformed`, …). A session that this connection has
   * is left.
   *
   * @param jid the account, with the resource to ask for if any (RFC 6120 §7.7.1); a bare domain to log in anonymously
   * @param pass the password; a token; or the keys that an earlier login left in {@link scram_keys}, which do until the server draws another salt
   * @param callback hears each status, from now until the next `connect` or `attach`
   * @param _wait for BOSH, as are the next two: ignored
   * @param _hold ignored
   * @param _route ignored
   * @param authcid the user name to authenticate as, where it is not the node of the JID (RFC 6120 §6.3.8)
   * @param disconnection_timeout how long {@link disconnect} waits for the server to close the stream too, in milliseconds; default 3,000
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
    this.jid = jid;
    this.disconnection_timeout = disconnection_timeout;
    this.domain = getDomainFromJid(jid);
    this.authzid = getBareJidFromJid(jid);
    this.authcid = authcid || getNodeFromJid(jid);
    this.connect_callback = callback ?? null;
    this.#begin();
    this.#report(Status.CONNECTING, null);
    this.scram_keys = null;
    const keys = pass && typeof pass === 'object' ? textOfKeys(pass) : undefined;
    const password = keys ? undefined : (pass ?? undefined);
    if (typeof jid !== 'string' || (password !== undefined && typeof password !== 'string')) {
      return this.#giveUp('connect takes the JID as a string, and a password or the keys of SCRAM');
    }
    // A mechanism may look at everything here, and at the password, which is not kept.
    const authenticating = Object.create(this, { pass: { value: pass } }) as Authenticating;
    const listed = this.#listed ?? this.options.mechanisms;
    const { mechanisms, own } = (this.#login = new Login([...(listed ?? []), ...this.#added], authenticating));
    this.#join((service) => ({
      run: (tab) =>
        tab.connect(
          performance.now(),
          service,
          jid,
          authcid || undefined,
          password,
          keys,
          mechanisms.map(({ mechname }) => mechname),
          Uint32Array.from(mechanisms, ({ priority }) => priority),
          own,
          !!listed,
          this.options.sessionKey,
          !!this.options.explicitResourceBinding,
          this.options.reconnect ?? true,
          amount(this.options.reloadGrace, 10_000),
          amount(this.options.queue?.stanzas, 10_000),
          amount(this.options.queue?.bytes, 16 * 1024 * 1024),
        ),
    }));
  }

  /**
   * Joins a session that is there, without credentials: the one of the account that this tab had before a reload, else the only one
   * of the service. The callback hears ATTACHED, or ATTACHFAIL and why: there is none, or several, or the login of the one there is fails. A page without a worker shares
   * nothing, so there it is ATTACHFAIL.
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
    this.#begin();
    this.#join((service) => ({ run: (tab) => tab.attach(performance.now(), service, this.#remembered(), !!this.options.explicitResourceBinding) }));
  }

  /**
   * Binds a resource (RFC 6120 §7), that of {@link jid} if it has one, where BINDREQUIRED was reported: option `explicitResourceBinding`. The first tab
   * that does so binds for all. Where nothing waits for it, an error is logged.
   */
  bind(): void {
    if (!this.#unbound) return error('bind was called, but the session does not wait for it');
    this.#unbound = false;
    this.#run({ run: (tab) => tab.bind(performance.now(), getResourceFromJid(this.jid) ?? undefined) });
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
    if (livesInPage(new mechanism())) this.#added.push(mechanism);
    else this.#listed = [...(this.#listed ?? this.options.mechanisms ?? ALL), mechanism];
  }

  /** Allows these mechanisms and no other, as the option `mechanisms` does, from the next `connect` on; without an argument those of that option again. */
  registerSASLMechanisms(mechanisms?: readonly Mechanism[]): void {
    this.#listed = mechanisms;
    this.#added = [];
  }

  /**
   * Ends the session, for every tab: all hear DISCONNECTING, then DISCONNECTED, and before that CONNTIMEOUT where the server did not close the stream
   * too (RFC 7395 §3.6), within {@link disconnection_timeout}. A tab that only leaves needs to call nothing.
   *
   * @param reason for the log of the worker
   */
  disconnect(reason?: string): void {
    if (!this.#link || this.#link.ended) {
      warn('disconnect was called before connect');
      for (const status of [Status.DISCONNECTING, Status.DISCONNECTED]) this.#report(status, reason ?? null, reason);
      return;
    }
    this.disconnecting = this.connected;
    this.flush();
    this.#run({ run: (tab) => tab.disconnect(performance.now(), reason, amount(this.disconnection_timeout, 3000)) });
  }

  /**
   * Forgets everything about the session, which goes on for other tabs: this one hears no further status, its handlers are gone, and what it waits for
   * ends. What the app said stays for the next `connect`, {@link jid} and the callback among it.
   */
  reset(): void {
    this.#membership = this.#login = undefined;
    this.#over();
    this.#ready.over(new DisconnectedError('the connection was reset'));
    this.#begin();
    this.#outbox.discard();
    this.#leave();
  }

  /** Whether stanzas are held back by {@link pause}. */
  get paused(): boolean {
    return this.#outbox.paused;
  }

  /** Holds back what is sent and asked from now on, without a bound, until {@link resume}. */
  pause(): void {
    this.flush();
    this.#outbox.paused = true;
  }

  /** Sends what {@link pause} held back. */
  resume(): void {
    this.#outbox.paused = false;
    this.flush();
  }

  /** Sends what waits for the end of the current task now; nothing while {@link paused}. */
  flush(): void {
    this.#outbox.flush();
  }

  /**
   * Sends a stanza, or an array of them, in order; `null` and `undefined` are passed over. The worker checks each: one that would break the stream is
   * not sent (see {@link RefusedError}), and an error is logged. While the session comes up, up to 1,000 wait for it; where none does, the condition is
   * `not-connected`.
   *
   * @returns what became of the last of them; never rejects
   * @throws TypeError when it is nothing that can be sent
   */
  send(stanza: Sendable | readonly Sendable[]): Promise<Receipt> {
    const stanzas = (Array.isArray(stanza) ? stanza : [stanza]) as readonly Sendable[];
    return this.#outbox.send(stanzas.filter((one) => one !== null && one !== undefined).map(textOf));
  }

  /**
   * Sends an IQ of type `get` or `set` (RFC 6120 §8.2.3) and calls back with its answer, and with nobody else's. One of the two is called, once.
   *
   * @param ok hears the result
   * @param err hears the error, which this library makes up where the IQ was not sent; or `null` where no answer came: in time, or before the session
   * ended
   * @param timeout in milliseconds, the wait for the session included; without it or with 0, for as long as the session lasts
   * @returns the `id`, which is made up where the IQ has none
   * @throws Error when text is not well-formed, or where there is no DOM
   */
  sendIQ(stanza: Element | Treelike | string, ok?: Answered | null, err?: Unanswered | null, timeout?: number): string {
    return this.#ask(stanza, timeout, { ok: (result) => ok?.(result), err: ({ element }) => err?.(element) });
  }

  /**
   * Sends an IQ of type `get` or `set` (RFC 6120 §8.2.3) and waits for its answer: the result.
   *
   * The promise is rejected with a {@link StanzaError} where the answer is an error, a {@link TimeoutError} when none came within
   * `timeout`, a {@link DisconnectedError} when the session ended before it came or there is none,
   * a {@link RefusedError} when the IQ breaks a rule and was not sent, with the `reason` of `signal` when that is aborted (an answer
   * that comes after that goes nowhere), and with an Error when text is not well-formed.
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
   * Sends a presence and calls back with the answer of its `id`, if one comes: a room that was entered (XEP-0045 §7.2.2), an error. When the session ends
   * first, nobody is called.
   *
   * @param ok hears a presence that is no error
   * @param err hears an error, or `null` when nothing came within `timeout`
   * @param timeout in milliseconds; without it or with 0, for as long as the session lasts
   * @returns the `id`, which is made up where the presence has none
   * @throws Error when text is not well-formed, or where there is no DOM
   */
  sendPresence(stanza: Element | Treelike | string, ok?: Answered | null, err?: Unanswered | null, timeout?: number): string {
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
   * Calls `handler` with each stanza that matches everything given, for as long as it returns something truthy; one that throws is removed, and the log
   * says so. It begins with what comes behind the stanza that is being handled, else with what comes from now on, and ends with the session: each CONNECTED
   * and ATTACHED starts with an empty list. An IQ request that no handler takes is answered with `service-unavailable` (RFC 6120 §8.2.3).
   *
   * @param ns the namespace of the stanza or of anything within it
   * @param name the exact tag name
   * @param type the `type`, or several of which one must match
   * @param id the `id`
   * @param from the `from`, to the letter; with `matchBareFromJid` whatever the resource
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
    return this.#inbox.add(new Handler(handler, ns, name, type, id, from, options));
  }

  /** Removes a handler, at once. One that is not there is no error. */
  deleteHandler(handler: Handler): void {
    this.#inbox.handlers.delete(handler);
  }

  /**
   * The stanzas that match everything given, from this call on, in order: `for await (const message of connection.stanzas({ name: 'message' }))`.
   * As for a handler, whoever takes a request answers it.
   *
   * None is lost between two turns of the loop: what comes meanwhile waits here, without a bound, so a loop that is slower than what comes for it
   * should ask for less. The loop ends with the session, also when that is redialled: stanzas are missed then, and the loop of the next session is
   * made when that is up, like handlers. A `break` ends it too; `signal` does with its `reason`, and drops what waits.
   *
   * @param selector by default everything
   */
  stanzas(selector: StanzaSelector = {}, { signal }: Abortable = {}): Stanzas {
    return listen(this.#inbox, selector, signal);
  }

  /**
   * Calls `handler` after `period` milliseconds of the session being up, and again for as long as it returns something truthy. It ends with the session;
   * one that throws is removed, and the log says so.
   *
   * @returns what {@link deleteTimedHandler} takes
   */
  addTimedHandler(period: number, handler: () => unknown): TimedHandler {
    return this.#timed.add(period, handler);
  }

  /** Removes a timed handler, at once. One that is not there is no error. */
  deleteTimedHandler(handler: TimedHandler): void {
    this.#timed.delete(handler);
  }

  /**
   * Calls `callback` with `code` when the WebSocket is closed with it (RFC 6455 §7.4) and nobody asked for that: when the service cannot be reached, or the
   * connection is lost, before the status says so. A further attempt to dial that fails is no news. The latest callback of a code counts, for as
   * long as this connection is there. Codes of `HTTP` are of BOSH: such a callback is never called.
   */
  addProtocolErrorHandler(protocol: 'websocket' | 'HTTP', code: number, callback: ProtocolErrorCallback): void {
    if (protocol === 'websocket') this.#protocolErrors.set(code, callback);
  }

  /** An id that no other stanza has, of no other tab either, with `suffix` behind a colon. */
  getUniqueId(suffix?: string | number): string {
    const id = `${randomPart()}-${++this.#uniqueId}`;
    return suffix === undefined ? id : `${id}:${suffix}`;
  }

  /** Whether this stanza is a contact's current presence, which came before this tab did and was kept for it. */
  isReplayed(stanza: Element): boolean {
    return this.#inbox.isReplayed(stanza);
  }

  /** What the worker knows of the tabs of this session, in the order in which they came; none outside a session. */
  tabs(): Promise<Tab[]> {
    const link = this.#link;
    if (!link || link.ended) return Promise.resolve([]);
    return new Promise((known) => link.run({ run: (tab) => this.#asked.set(tab.tabs(), known), fail: () => known([]) }));
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
    if (#inbox in this) this.#inbox.claimHooks();
  }

  /** What an attempt before this one came to does not count any more. */
  #begin(): void {
    this.#attempt++;
    this.#ready.renew();
  }

  /** Wishes for membership in a session, which ends the one there was. */
  #join(wish: (service: string) => Wish): void {
    let service: string;
    try {
      service = resolveService(this.service, this.options.protocol, location.href);
    } catch (thrown) {
      return this.#giveUp((thrown as Error).message);
    }
    // Handlers that were added for the session to come stay.
    if (this.authenticated) this.#over();
    this.#address = service;
    this.#enter(wish(service));
  }

  /** Carries out the wish for membership, over a new link where there is none. */
  #enter(membership: Wish): void {
    this.#membership = membership;
    if (!this.#link || this.#link.ended) {
      this.#leave();
      this.#link = new Link(this.options.worker, this.#address ?? this.service, this.#audience(), {
        closed: (code) => guarded(() => this.#protocolErrors.get(code)?.call(this, code), 'addProtocolErrorHandler'),
        challenged: async (name, challenge) => this.#login!.answer(name, challenge),
        unlinked: (reason) => this.#giveUp(reason),
        revived: () => this.#revive(),
        stanza: (position, sent, text) => {
          if (sent) return this.#inbox.foreign(text);
          const isUnhandled = this.#inbox.received(text, this.authenticated);
          if (isUnhandled && this.authenticated) this.#link?.run({ run: (tab) => tab.unhandled(performance.now(), position) });
        },
        tabsKnown: (token, tabs) => {
          this.#asked.get(token)?.(tabs.map((tab) => ({ ...tab, role: tab.role === 'Primary' ? 'primary' : 'secondary' })));
          this.#asked.delete(token);
        },
      });
      this.#place = this.#link.place;
      this.#inbox.claimAll();
    }
    this.flush();
    this.#run(membership);
  }

  #run(wish: Wish): void {
    if (this.#link && !this.#link.ended) this.#link.run(wish);
    else wish.fail?.('there is no connection');
  }

  /** Back from the back/forward cache: the session went on without this page, and it joins anew. */
  #revive(): void {
    this.#leave();
    this.#over();
    const membership = this.#membership;
    if (!membership) return;
    this.#report(Status.RECONNECTING, null);
    this.#enter(membership);
  }

  #giveUp(reason: string): void {
    const attempt = this.#attempt;
    // Later, as everything but CONNECTING: the caller of `connect` is not called back before it returns.
    queueMicrotask(() => {
      for (const status of [Status.CONNFAIL, Status.DISCONNECTED]) {
        if (attempt === this.#attempt) this.#status(status, undefined, reason);
      }
    });
    this.#leave();
  }

  /** Lets go of the link. Whoever waits for something from it hears, a little later, that it does not come. */
  #leave(): void {
    const link = this.#link;
    this.#link = undefined;
    link?.leave();
    this.#outbox.lose();
    const asked = taken(this.#asked);
    queueMicrotask(() => asked.forEach((known) => known([])));
  }

  #audience(): Omit<Audience, 'stanzas' | 'tabs'> {
    return {
      status: (code, condition, text, jid, domain, features) => {
        if (jid !== undefined) this.#up(jid, domain ?? null, features);
        this.#status(code as Status, condition, text);
      },
      keys: (text) => (this.scram_keys = keysOfText(text)),
      role: (primary) => {
        const role = primary ? 'primary' : 'secondary';
        if (this.role === role) return;
        this.role = role;
        guarded(() => this.onRoleChanged(role), 'onRoleChanged');
      },
      caught: (claim, replayed, text) => this.#inbox.caught(claim, replayed, text),
      claimed: (claim) => this.#inbox.claimed(claim),
      gap: (from, to, count) => guarded(() => this.onGap({ from, to, count }), 'onGap'),
      written: (upTo) => this.#outbox.written(upTo),
      failed: (token, condition, text) => this.#outbox.failed(token, condition, text),
      answered: (token, isError, text) => this.#outbox.answered(token, this.#inbox.answered(text, this.authenticated), isError),
      unanswered: (token, timeout) => this.#outbox.unanswered(token, timeout),
      unasked: (token, condition, text) => this.#outbox.unasked(token, condition, text),
      log: (level, text) => tell(level as Parameters<Log>[0], text),
    };
  }

  /** The session is up. */
  #up(jid: string, domain: string | null, features: string | undefined): void {
    this.jid = jid;
    this.domain = domain;
    this.features = (features && parsed(features)) || null;
    this.#inbox.claimHooks();
    this.connected = true;
    this.authenticated = true;
    this.disconnecting = false;
    this.#ready.up(this);
    this.#timed.start();
    this.#remember(getBareJidFromJid(jid));
  }

  /** The session is over, or this tab is out of it. */
  #over(): void {
    if (this.authenticated) this.#ready.renew();
    this.connected = false;
    this.authenticated = false;
    this.disconnecting = false;
    this.#unbound = false;
    this.role = null;
    this.features = null;
    this.#inbox.clear();
    this.#timed.stop();
    this.#timed.clear();
  }

  #status(status: Status, condition: string | undefined, text: string | undefined): void {
    this.#login?.reached(status);
    this.#unbound = status === Status.BINDREQUIRED;
    if (status === Status.AUTHENTICATING || this.#unbound) this.connected = true;
    if (status === Status.DISCONNECTING) this.disconnecting = true;
    if (status === Status.RECONNECTING) this.#over();
    if (status === Status.DISCONNECTED || status === Status.ATTACHFAIL) {
      this.#membership = this.#login = undefined;
      this.#remember(null);
      this.#over();
      this.#outbox.discard();
    }
    this.#ready.note(status, text, condition);
    this.#report(status, condition ?? text ?? null, text ?? null);
  }

  #report(status: Status, condition: string | null, reason: string | null = null): void {
    for (const name of plugins.keys()) {
      const plugin = (this as unknown as Record<string, ConnectionPlugin | undefined>)[name];
      guarded(() => plugin?.statusChanged?.(status, condition), `the plugin ${name}`);
    }
    guarded(() => this.connect_callback?.call(this, status, condition, null, reason), 'the callback of connect');
  }

  #ask(stanza: Element | Treelike | string, timeout: number | undefined, question: Omit<Question, 'id'>): string {
    const element = elementOf(stanza);
    const id = this.#identified(element, 'sendIQ');
    this.#outbox.ask(serialize(element), timeout || undefined, { ...question, id });
    return id;
  }

  #identified(element: Element, suffix: string): string {
    const id = element.getAttribute('id') || this.getUniqueId(suffix);
    element.setAttribute('id', id);
    return id;
  }

  #remembered(): string | undefined {
    return storage()?.getItem(`epode ${this.#place}`) ?? undefined;
  }

  /** The account of this tab outlives a reload, so that `attach` finds the way back to it. */
  #remember(account: string | null): void {
    const key = `epode ${this.#place}`;
    // A full store only costs the way back.
    guarded(() => (account ? storage()?.setItem(key, account) : storage()?.removeItem(key)), 'sessionStorage');
  }
}

/** As a number that crosses to the worker: whole, and of 32 bits. */
function amount(given: number | undefined, fallback: number): number {
  return Math.min(Math.max(given ?? fallback, 0), 2 ** 32 - 1);
}

function storage(): Storage | undefined {
  try {
    return sessionStorage;
  } catch {
    // Forbidden by the user.
    return undefined;
  }
}

function randomPart(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
