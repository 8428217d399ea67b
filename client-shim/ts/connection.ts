/**
 * `Connection`: Strophe's API over a session that the worker owns.
 *
 * An app need not wait for anything: a call made before the worker is reached, or before the
 * session is up, is queued and carried out in order.
 */
import type { Wishes } from './bosh/part.ts';
import { equip } from './equipment.ts';
import { serialize, type Treelike } from './builder.ts';
import type { Backlog, Tab } from './connection-state.ts';
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
import {
  getBareJidFromJid,
  getDomainFromJid,
  getNodeFromJid,
  getResourceFromJid,
} from '../../port/ts/jid.ts';
import { prepare, say, type Command } from './link.ts';
import { warn } from './log.ts';
import { asRid, keptSession, sessionError, type Kept } from './kept.ts';
import { textOfKeys, type ScramKeys } from './keys.ts';
import { StreamManagement } from './management.ts';
import { ALL, Login, type Mechanism } from './login.ts';
import { restAfterLogout } from './logouts.ts';
import type { SASLMechanism } from './mechanisms.ts';
import { type ConnectionOptions, type Defaults, defaults, redials } from './options.ts';
import { elementOf, type Question, type Receipt, type Sendable, textOf } from './sendable.ts';
import { NOTHING, Participation } from './participation.ts';
import { Registration } from './registration.ts';
import {
  type Abortable,
  listen,
  type Patience,
  reasonOf,
  type Stanzas,
  type StanzaSelector,
} from './stanzas.ts';
import type { TimedHandler } from './timed.ts';
import type { Options } from '../../port/ts/protocol/Options.ts';
import { Bosh, type Transport, Websocket } from './transports.ts';

/**
 * The callback of `connect` and `attach`. An exception that the callback throws is logged.
 *
 * @param status one of `Strophe.Status`
 * @param condition the error condition, if a specification, a SASL mechanism or the server names
 * one; else the same as `reason`
 * @param element always `null`; Strophe passes an element here
 * @param reason the reason in a sentence; like `condition`, `null` if the status needs none
 */
export type StatusCallback = (
  this: Connection,
  status: Status,
  condition: string | null,
  element: Element | null,
  reason: string | null,
) => void;

/** Is called with the close code of the WebSocket. */
export type ProtocolErrorCallback = (this: Connection, code: number) => unknown;

/** Is called with the answer. */
type Answered = (stanza: Element) => unknown;

/** Is called with the error stanza, or with `null` if no answer came. */
type Unanswered = (stanza: Element | null) => unknown;

/**
 * A page's end of a session. Tabs that connect to the same account share the session; each
 * connection has its own handlers.
 *
 * ```js
 * const connection = new Strophe.Connection('wss://chat.example/ws', { worker: '/epode-worker.inline.js' });
 * connection.connect('juliet@chat.example', 'secret', (status) => {
 *   const { CONNECTED, ATTACHED } = Strophe.Status;
 *   if (status === CONNECTED || status === ATTACHED) connection.send($pres());
 * });
 * ```
 */
export class Connection extends Hooks {
  /**
   * What holds where an app does not give an option. Apps of Strophe connect again by themselves, so
   * `epode/strophe` sets `reconnect` to `false`.
   */
  static readonly defaults: Defaults = defaults;
  /**
   * The address of the service, as given to the constructor. Another may be assigned, for the next
   * `connect` or `attach`.
   */
  service: string;
  /** The options, as given to the constructor. */
  readonly options: ConnectionOptions;
  /**
   * The transport of the stream: an instance of `Strophe.Websocket` or `Strophe.Bosh`, which follows
   * {@link service} at each `connect`, `attach` and `restore`.
   */
  _proto: Transport = new Websocket(this);
  /**
   * The JID given to `connect`; from CONNECTED or ATTACHED on, the full JID that the server bound
   * (RFC 6120 §7).
   */
  jid = '';
  /**
   * The domain of {@link jid}; `null` before the first `connect` or `attach` has determined the
   * account.
   */
  domain: string | null = null;
  /**
   * The authentication identity (RFC 6120 §6.3.8): the user name. `null` before `connect` and for
   * an anonymous login.
   */
  authcid: string | null = null;
  /** The authorization identity (RFC 6120 §6.3.8): the bare JID. `null` before `connect`. */
  authzid: string | null = null;
  /**
   * The mechanisms that may be used, by their names: those of the option `mechanisms`, or all, and what was
   * registered since.
   */
  mechanisms: Record<string, SASLMechanism> = {};
  /**
   * The keys that SCRAM derived from the password; `null` after any other mechanism. Set before
   * CONNECTED or ATTACHED is reported, in tabs that connected with that password. {@link connect}
   * accepts these keys instead of the password: keep them as secret as the password.
   */
  scram_keys: ScramKeys | null = null;
  /**
   * Whether the session is up, as this tab knows: `true` from CONNECTED or ATTACHED to RECONNECTING
   * or DISCONNECTED.
   */
  authenticated = false;
  /** Whether there is a stream: `true` from AUTHENTICATING to RECONNECTING or DISCONNECTED. */
  connected = false;
  /**
   * Whether the session is being closed: `true` from {@link disconnect} in any tab to DISCONNECTED.
   */
  disconnecting = false;
  /**
   * Whether there is a session that this tab did not open just now: `true` from ATTACHED, or from a CONNECTED
   * that resumed the session, or from {@link restore}, to the next session or DISCONNECTED.
   */
  restored = false;
  /**
   * Stream management (XEP-0198), by Strophe's names; `undefined` with `enableStreamManagement: false`. To be
   * read: only the hooks can be assigned.
   */
  readonly sm: StreamManagement | undefined;
  /**
   * How much of what the tabs of the session sent waits in the worker, since the connection is down or slow:
   * as told last, at most once a second.
   */
  backlog: Backlog = NOTHING;
  /**
   * `primary` in exactly one tab of a session, for work that must happen once; `null` outside a
   * session.
   */
  role: 'primary' | 'secondary' | null = null;
  /**
   * How many milliseconds {@link disconnect} waits for the server to close the stream; default
   * 3,000. `connect` sets this field from its argument; an app may assign another value afterwards.
   */
  disconnection_timeout = 3000;
  /** The callback given to the latest `connect` or `attach`. */
  connect_callback: StatusCallback | null = null;

  readonly #participation = new Participation<Connection>(this);
  #uniqueId = 0;
  #pass: string | ScramKeys | null = null;
  /** Whether the app named the mechanisms. */
  #listed = false;

  /**
   * Makes a connection. With the option `worker`, the shared worker starts and the page's wasm is loaded, so
   * that `connect` and `attach` find both; only these two speak to a server. Needs no DOM.
   *
   * @param service the address of the XMPP service: a `ws:` or `wss:` URL of a WebSocket (RFC 7395), or a
   * relative one with the option `protocol`; any other address is BOSH (XEP-0206). An unusable address is not
   * an exception here: `connect` and `attach` report CONNFAIL with the reason
   * @throws Error if `protocol` is neither `"ws"` nor `"wss"`, or if a cookie in `cookies` is
   * malformed; and any exception of a mechanism's constructor
   */
  constructor(service: string, options: ConnectionOptions = {}) {
    super();
    this.service = service;
    this.options = options;
    const { cookies, protocol, worker } = options;
    if (protocol && protocol !== 'ws' && protocol !== 'wss') {
      throw new Error(`the option protocol is "ws" or "wss", not ${JSON.stringify(protocol)}`);
    }
    if (cookies) writeCookies(cookies);
    this.setProtocol();
    this.registerSASLMechanisms();
    if (options.enableStreamManagement ?? true) this.sm = new StreamManagement();
    if (options.streamManagement?.storage)
      warn('the option streamManagement.storage is not used: the worker keeps what it needs');
    if (worker) prepare(worker);
    equip(this);
  }

  /**
   * The server's `<stream:features/>` after authentication (RFC 6120 §4.3.2), from BINDREQUIRED on and
   * while the session is up, also in tabs that joined; else `null`.
   */
  get features(): Element | null {
    return this.#participation.features;
  }

  /** Apps and plugins may replace the features; the replacement lasts as long as the session. */
  set features(features: Element | null) {
    this.#participation.features = features;
  }

  /**
   * The password, token or keys given to {@link connect}. Gone with the session or the attempt, whatever
   * ended it, and by {@link reset}. Only where the app connects again by itself (`reconnect: false`) `pass`
   * outlives a connection that was lost, and the attempts to have the session back, up to a logout while this
   * tab is in the session, AUTHFAIL or an end of the session by the server. Not enumerable, and never logged.
   */
  get pass(): string | ScramKeys | null {
    return this.#pass;
  }

  set pass(pass: string | ScramKeys | null) {
    this.#pass = pass;
  }

  /**
   * A promise of this connection, fulfilled when the session is up: at CONNECTED or ATTACHED.
   * Before the first `connect` or `attach` the promise is pending; when the session is lost and
   * dialled again, `ready` is a new promise.
   *
   * When an attempt fails or the session ends, the promise is rejected, and `ready` stays rejected
   * until the next `connect` or `attach`: with a {@link ConnectionError},
   * {@link AuthenticationError}, {@link TimeoutError}, {@link RedirectError}, {@link AttachError}
   * or, after a logout for example, a {@link DisconnectedError}. An app that never reads `ready`
   * gets no `unhandledrejection`.
   */
  get ready(): Promise<this> {
    return this.#participation.ready.promise as Promise<this>;
  }

  /**
   * Logs in, or joins the account's session if one is up: with the credentials that opened the
   * session at once, with different ones after the server has accepted them.
   *
   * `callback` is called with CONNECTING before this method returns; then with CONNECTED in the tab
   * that opens the session, or ATTACHED in a tab that joins. A failed attempt reports CONNFAIL,
   * AUTHFAIL, CONNTIMEOUT or REDIRECT with the reason, then DISCONNECTED. So do unusable arguments:
   * a malformed JID is CONNFAIL, credentials that no mechanism can use are AUTHFAIL
   * (`saslprep-prohibited`, `scram-keys-malformed`, …). If this connection is in a session, it
   * leaves that session first.
   *
   * @param jid the account, with a resource to ask for that one (RFC 6120 §7.7.1); a bare domain
   * for an anonymous login
   * @param pass the password; a token; or the keys that an earlier login left in
   * {@link scram_keys}, which work until the server changes the salt
   * @param callback is called with each status until the next `connect` or `attach`
   * @param wait BOSH: for how many seconds the server may hold a request; default 60, also for 0
   * @param hold BOSH: how many requests the server may hold; default 1, also for 0
   * @param route BOSH: the server behind a connection manager that serves several (XEP-0124 §7.1)
   * @param authcid the user name to authenticate as, if not the localpart of the JID (RFC 6120
   * §6.3.8)
   * @param disconnection_timeout how many milliseconds {@link disconnect} waits for the server to
   * close the stream; default 3,000
   * @throws any exception of a mechanism's `test`
   */
  connect(
    jid: string,
    pass?: string | ScramKeys | null,
    callback?: StatusCallback | null,
    wait?: number,
    hold?: number,
    route?: string,
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
      this.#pass = pass ?? null;
    }
    this.#participation.begin();
    this.#participation.report(Status.CONNECTING, null);
    this.scram_keys = null;
    if (!understood)
      return this.#participation.fail(
        'connect takes the JID as a string, and a password or the keys of SCRAM',
      );
    const rest = redials(this.options) ? 0 : restAfterLogout(jid);
    if (rest) {
      const reason = `another tab has logged out of this account, which may log in here again in ${rest} s`;
      return this.#participation.fail(reason, Status.AUTHFAIL);
    }
    const login = new Login(Object.values(this.mechanisms), this);
    const { mechanisms, own } = login;
    const priorities = ranks(mechanisms);
    const offers = mechanisms.map(({ mechname }, index) => ({
      name: String(mechname),
      priority: priorities[index]!,
    }));
    const command = (service: string): Command => ({
      run: (tab) =>
        say({
          Connect: {
            service,
            jid,
            credentials: {
              authcid: authcid ? String(authcid) : null,
              password: password ?? null,
              keys: keys ?? null,
            },
            options: {
              ...this.#sessionOptions(),
              mechanisms: offers.slice(own),
              own_mechanisms: offers.slice(0, own),
            },
            bosh: this.#participation.boshOptions({ wait, hold, route }),
          },
        }).run(tab),
    });
    this.#participation.join(command, login);
  }

  /**
   * Joins an existing session without credentials: the session of the account that this tab was in
   * before a reload, else the only session of the service. Reports ATTACHED, or ATTACHFAIL with the
   * reason: no session or several, a session whose login fails, or a session opened with
   * `attach: false`. Without the option `worker` there is nothing to join, so the status is
   * ATTACHFAIL.
   *
   * @param callback is called with each status until the next `connect` or `attach`
   * @param ignored ignored, as in Strophe
   */
  attach(callback?: StatusCallback | null, ...ignored: unknown[]): void;
  /**
   * BOSH: goes on with a session that somebody else has opened, such as the app's server. Reports ATTACHED
   * without asking the service; a session that the service does not know is CONNFAIL with `item-not-found`
   * later. With a worker, all tabs share the session, and a session of this `sid` that lives in the worker is
   * joined.
   *
   * @param jid the full JID that the server bound
   * @param sid the id of the session
   * @param rid the rid of the next request
   * @param callback is called with each status until the next `connect` or `attach`
   * @param wait for how many seconds the server may hold a request; default 60
   * @param hold how many requests the server may hold; default 1
   * @param wind how many requests may be unanswered
   * @throws Error that is named `StropheSessionError`, if the service is a WebSocket
   */
  attach(
    jid: string,
    sid: string,
    rid: number | string,
    callback?: StatusCallback | null,
    wait?: number,
    hold?: number,
    wind?: number,
  ): void;
  attach(first?: StatusCallback | string | null, ...bosh: readonly unknown[]): void {
    if (typeof first === 'string' && this.#participation.transport() instanceof Bosh) {
      const [sid, rid, callback, wait, hold, window] = bosh;
      return this.#goOn({ jid: first, sid, rid }, callback as StatusCallback, { wait, hold, window });
    }
    if (typeof first !== 'function' && (first || bosh.length > 0))
      throw sessionError('The "attach" method is not available for your connection protocol');
    this.connect_callback = (first as StatusCallback | undefined) ?? null;
    this.#participation.begin();
    this.#participation.attach(!!this.options.explicitResourceBinding);
  }

  /**
   * Binds a resource (RFC 6120 §7) after BINDREQUIRED (option `explicitResourceBinding`): the
   * resource of {@link jid}, or one of the server's choice if {@link jid} is bare. The first tab
   * that calls `bind` binds for all. If the session is not waiting for `bind`, an error is logged.
   */
  bind(): void {
    this.#participation.bind(getResourceFromJid(this.jid));
  }

  /**
   * BOSH: goes on with the session that the page before a reload has kept (option `keepalive`). Reports
   * ATTACHED, like {@link attach}; a session that the service does not know any more is CONNFAIL with
   * `item-not-found`, in whose callback the app may call {@link connect}.
   *
   * @param jid the account of which the session has to be; by default, of any
   * @param callback is called with each status until the next `connect` or `attach`
   * @param wait for how many seconds the server may hold a request, if the page before has not kept that
   * @param hold how many requests the server may hold, likewise
   * @param wind how many requests may be unanswered, likewise
   * @throws Error that is named `StropheSessionError`, if there is no session to restore, or if the service
   * is a WebSocket
   */
  restore(
    jid?: string | null,
    callback?: StatusCallback | null,
    wait?: number,
    hold?: number,
    wind?: number,
  ): void {
    if (!(this.#participation.transport() instanceof Bosh))
      throw sessionError('The "restore" method can only be used with a BOSH connection.');
    const kept = keptSession(jid);
    this.#goOn(kept, callback, { wait, hold, window: wind });
    this.restored = true;
  }

  /**
   * Begins the registration of an account (XEP-0077): asks a server for its form, on a stream of its own
   * before any login. This connection stays as it is, also one that is in a session.
   *
   * ```js
   * const registration = await connection.register('chat.example');
   * console.log(registration.form.textContent); // what the server wants to know
   * await registration.submit({ username: 'juliet', password: 'secret' });
   * connection.connect('juliet@chat.example', 'secret');
   * ```
   *
   * Rejected with a {@link StanzaError} if the server does not register accounts in this way; a
   * {@link ConnectionError} if the server is not reached, or (`plaintext-refused`) if others could read the
   * password on the way; a {@link TimeoutError}; the `reason` of `signal` when that is aborted.
   *
   * @param server the domain of the server, or a JID there
   */
  register(server: string, patience: Abortable = {}): Promise<Registration> {
    return Registration._begin(this.service, server, this.options, this.#sessionOptions(), patience);
  }

  /**
   * Allows one more mechanism, from the next `connect` on; a mechanism of the same name is
   * replaced.
   */
  registerSASLMechanism(Mechanism: Mechanism): void {
    const mechanism = new Mechanism();
    this.mechanisms[mechanism.mechname] = mechanism;
  }

  /**
   * Allows these mechanisms and no others, like the option `mechanisms`, from the next `connect`
   * on; without an argument, restores the mechanisms of that option.
   */
  registerSASLMechanisms(mechanisms = this.options.mechanisms): void {
    this.#listed = !!mechanisms;
    this.mechanisms = {};
    for (const mechanism of mechanisms ?? ALL) this.registerSASLMechanism(mechanism);
  }

  /** Makes {@link _proto} follow {@link service}, as each `connect`, `attach` and `restore` does. */
  setProtocol(): void {
    this.#participation.transport();
  }

  /**
   * Logs out: ends the session for every tab. All tabs report DISCONNECTING, then DISCONNECTED;
   * CONNTIMEOUT comes in between if the server does not close the stream too (RFC 7395 §3.6) within
   * {@link disconnection_timeout}.
   *
   * A tab that only leaves need not call `disconnect`. In a listener of `beforeunload`, `pagehide`
   * or `unload`, `disconnect` therefore does not log out: this tab alone leaves. If the page then
   * stays open, its callback is called with DISCONNECTING and DISCONNECTED after
   * {@link disconnection_timeout}. Without a session, the callback is called with both at once.
   *
   * @param reason the app's reason; the worker's log says only that a reason was given
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
    // Apps pass whatever they were called with, an event for example.
    const why = reason === undefined || reason === null ? null : String(reason);
    const patience = amount(this.disconnection_timeout, 3000);
    const message = { Disconnect: { reason: why, timeout: patience } };
    // `window.event` is the event being handled, in microtasks too. A flag set by a listener of
    // ours would come too late: the app's listener may run first.
    if (/^(beforeunload|pagehide|unload)$/.test(globalThis.event?.type ?? ''))
      this.#participation.part(message, patience);
    else this.#participation.end(message);
  }

  /**
   * Leaves the session, which goes on for other tabs: this connection reports no further status,
   * loses its handlers, and fails its pending requests. {@link jid}, the callback and other fields
   * set by the app stay for the next `connect`.
   */
  reset(): void {
    this.#participation.reset();
  }

  /**
   * Whether {@link pause} is in effect. Assigning `true` or `false` calls {@link pause} or
   * {@link resume}.
   */
  get paused(): boolean {
    return this.#participation.outbox.paused;
  }

  set paused(paused: boolean) {
    if (paused) this.pause();
    else this.resume();
  }

  /**
   * Holds back everything sent or requested from now on until {@link resume}; the queue is
   * unbounded.
   */
  pause(): void {
    this.flush();
    this.#participation.outbox.paused = true;
  }

  /** Sends everything that {@link pause} held back. */
  resume(): void {
    this.#participation.outbox.paused = false;
    this.flush();
  }

  /**
   * Sends queued stanzas now instead of at the end of the current task; does nothing while
   * {@link paused}.
   */
  flush(): void {
    this.#participation.outbox.flush();
  }

  /**
   * Sends a stanza, or several in order; `null` and `undefined` are skipped. The worker checks each
   * stanza: one that would break the stream is not sent (see {@link RefusedError}), and an error is
   * logged. While the session comes up, up to 1,000 stanzas wait in the queue. If there is no
   * session, the receipt says `not-connected`.
   *
   * ```js
   * const receipt = await connection.send($msg({ to, type: 'chat' }).c('body').t('Good night!'));
   * if (receipt.status === 'failed') console.log(receipt.condition, receipt.text);
   * const { status } = await receipt.acknowledged; // by the server (XEP-0198)
   * ```
   *
   * While a session that was up is down, stanzas wait in one queue of all tabs, up to 5,000 or 16 MB, half of
   * them of one tab; what is more is refused with `too-many`. While it is up, up to 20,000 or 16 MB wait for
   * a slow connection or an acknowledgement, half of them likewise.
   *
   * @returns a promise of the receipt of the last stanza; never rejected
   * @throws TypeError if an argument is neither an element, nor a builder, nor text
   */
  send(stanza: Sendable | readonly Sendable[]): Promise<Receipt> {
    const stanzas = (Array.isArray(stanza) ? stanza : [stanza]) as readonly Sendable[];
    return this.#participation.outbox.send(
      stanzas.filter((one) => one !== null && one !== undefined).map(textOf),
    );
  }

  /**
   * Sends an IQ of type `get` or `set` (RFC 6120 §8.2.3) and calls exactly one of the callbacks,
   * once. Only the answer from the addressee counts: a stanza from anybody else with the same `id`
   * is ignored. An IQ of type `result` or `error` has no answer: `sendIQ` sends it like {@link send}
   * and calls neither.
   *
   * @param ok is called with the result
   * @param err is called with the error stanza, which this library makes if the IQ was not sent; or
   * with `null` if no answer came before the timeout or the end of the session
   * @param timeout in milliseconds, including the wait for the session; 0 or absent waits until the
   * session ends
   * @returns the `id` of the IQ, which is generated if absent
   * @throws Error if a text is not well-formed, or if there is no DOM
   */
  sendIQ(
    stanza: Element | Treelike | string,
    ok?: Answered | null,
    err?: Unanswered | null,
    timeout?: number,
  ): string {
    const element = elementOf(stanza);
    if (/^(result|error)$/.test(element.getAttribute('type') ?? '')) {
      const id = this.#identified(element, 'sendIQ');
      void this.send(element);
      return id;
    }
    return this.#ask(element, timeout, {
      ok: (result) => ok?.(result),
      err: ({ element }) => err?.(element),
    });
  }

  /**
   * Sends an IQ of type `get` or `set` (RFC 6120 §8.2.3); the promise is fulfilled with the result.
   *
   * ```js
   * const roster = await connection.iq($iq({ type: 'get' }).c('query', { xmlns: Strophe.NS.ROSTER }));
   * ```
   *
   * While the session is down the IQ waits, like what is {@link send | sent}: for `timeout`, which includes
   * that wait, else until the session ends, however long that takes.
   *
   * The promise is rejected with a {@link StanzaError} if the answer is an error; a
   * {@link TimeoutError} if no answer came within `timeout`; a {@link DisconnectedError} if there
   * is no session, or the session ended before the answer came, or the server lost the session (its
   * `condition` is `not-handled` then if asking again is safe, `unknown` if the server may have handled the
   * IQ); a {@link RefusedError} if the IQ breaks a rule and was not sent; the `reason` of `signal` when that
   * is aborted (a later answer is ignored); an Error if a text is not well-formed.
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
   * Sends a presence and calls back with the presence that answers with the same `id`, if any: the
   * own presence in a room (XEP-0045 §7.2.2), or an error. Neither callback is called if the
   * session ends first.
   *
   * @param ok is called with a presence that is no error
   * @param err is called with an error, or with `null` if nothing came within `timeout`
   * @param timeout in milliseconds; 0 or absent waits until the session ends
   * @returns the `id` of the presence, which is generated if absent
   * @throws Error if a text is not well-formed, or if there is no DOM
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
   * Calls `handler` with each stanza that matches every criterion given, for as long as the handler
   * returns a truthy value. A handler that throws is removed and the exception logged.
   *
   * A handler that is added while a stanza is being handled gets the stanzas after that one; added
   * at any other time, those that arrive from now on. Handlers end with the session: each CONNECTED
   * and ATTACHED starts with an empty list, so add them in the callback of `connect`.
   *
   * ```js
   * connection.addHandler((message) => (console.log(message.textContent), true), null, 'message', 'chat');
   * ```
   *
   * An IQ request that no handler of any tab takes is answered by the worker, with
   * `service-unavailable` (RFC 6120 §8.2.3). A tab whose handler took the request may answer later;
   * if its page closes or freezes first, the next tab gets the request. A ping (XEP-0199) that no
   * app has answered within 2 s is answered by the worker.
   *
   * @param ns the namespace of the stanza or of any descendant
   * @param name the tag name, with or without the prefix
   * @param type the `type`, or a list of types of which one must match
   * @param id the `id`
   * @param from the `from`, in any spelling of the same JID; with `matchBareFromJid`, any resource
   * of that bare JID
   * @returns the handler, to be passed to {@link deleteHandler}
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

  /** Removes a handler at once; does nothing if the handler is not in the list. */
  deleteHandler(handler: Handler): void {
    this.#participation.inbox.handlers.delete(handler);
  }

  /**
   * An async iterator over the stanzas that match every criterion given, in order, from this call
   * on. As with a handler, the loop that takes an IQ request is responsible for the answer.
   *
   * ```js
   * for await (const message of connection.stanzas({ name: 'message' })) show(message);
   * ```
   *
   * Stanzas that arrive while the loop body runs are queued, without a bound: a slow loop should
   * select fewer stanzas. The loop ends with `break`, with the session, and when `signal` is
   * aborted (the iterator rejects with the `reason`; queued stanzas are dropped). A lost connection
   * ends the loop too; start another when the session is up again. If the server has kept the session
   * ({@link hasResumed}), a loop that is started once {@link ready} resolves misses nothing.
   *
   * @param selector by default, every stanza
   */
  stanzas(selector: StanzaSelector = {}, { signal }: Abortable = {}): Stanzas {
    return listen(this.#participation.inbox, selector, signal);
  }

  /**
   * Calls `handler` when the session has been up for `period` milliseconds, and after each further
   * period for as long as the handler returns a truthy value. Timed handlers end with the session;
   * one that throws is removed and the exception logged.
   *
   * @returns the handler, to be passed to {@link deleteTimedHandler}
   */
  addTimedHandler(period: number, handler: () => unknown): TimedHandler {
    return this.#participation.timed.add(period, handler);
  }

  /** Removes a timed handler at once; does nothing if the handler is not in the list. */
  deleteTimedHandler(handler: TimedHandler): void {
    this.#participation.timed.delete(handler);
  }

  /**
   * Calls `callback` with `code` when the WebSocket closes with that code (RFC 6455 §7.4) and the
   * app did not ask for that: the service is unreachable, or the connection is lost. The status is
   * reported afterwards. Failed redials are not reported. A later callback for the same code
   * replaces the earlier one; callbacks last as long as this connection.
   *
   * For `'HTTP'` (BOSH), `callback` is called with the status of each request that fails: 0 if there was no
   * answer, or if the browser hides it. The request is repeated, or a status says what becomes of the
   * session.
   */
  addProtocolErrorHandler(
    protocol: 'websocket' | 'HTTP',
    code: number,
    callback: ProtocolErrorCallback,
  ): void {
    this.#participation.codes.set(`${protocol} ${code}`, callback);
  }

  /** An `id` that is unique among all tabs, followed by a colon and `suffix` if given. */
  getUniqueId(suffix?: string | number): string {
    const id = `${randomPart()}-${++this.#uniqueId}`;
    return suffix === undefined || suffix === null ? id : `${id}:${suffix}`;
  }

  /**
   * Whether this stanza is a contact's current presence that arrived before this tab joined; the
   * worker kept and replayed it.
   */
  isReplayed(stanza: Element): boolean {
    return this.#participation.inbox.isReplayed(stanza);
  }

  /**
   * The worker's list of this session's tabs, oldest first; empty outside a session. Never
   * rejected.
   */
  tabs(): Promise<Tab[]> {
    return this.#participation.tabs();
  }

  /**
   * Whether the server kept the session when the connection was lost (XEP-0198 §5): `true` in every tab from
   * the CONNECTED or ATTACHED of a stream that resumed the session on, `false` after every other. With
   * `false`, an app fetches roster and archive and enters its rooms anew.
   */
  hasResumed(): boolean {
    return this.sm?.resumed ?? false;
  }

  /** Whether the server acknowledges stanzas (XEP-0198); always `false` over BOSH. */
  isStreamManagementEnabled(): boolean {
    return this.sm?.enabled ?? false;
  }

  protected override hooked(): void {
    // A hook on the prototype belongs to no connection yet.
    if (#participation in this) this.#participation.inbox.claimHooks();
  }

  #goOn(
    { jid, sid, rid }: Partial<Record<keyof Kept, unknown>>,
    callback: StatusCallback | null | undefined,
    wishes: Wishes,
  ): void {
    this.connect_callback = callback ?? null;
    this.#participation.begin();
    const next = asRid(rid);
    if (typeof jid !== 'string' || typeof sid !== 'string' || !sid || next === undefined) {
      return this.#participation.fail(
        'attach takes the JID and the sid as strings, and the rid as a whole number from 1 to 2^53 - 1',
      );
    }
    this.jid = jid;
    this.domain = getDomainFromJid(jid);
    this.#participation.takeOver({ jid, sid, rid: next }, wishes, this.#sessionOptions());
  }

  /** How a session is opened, without its mechanisms. */
  #sessionOptions(): Options {
    const { sessionKey, explicitResourceBinding, attach, reloadGrace, queue, streamManagement } =
      this.options;
    return {
      mechanisms: [],
      listed: this.#listed,
      own_mechanisms: [],
      session_key: sessionKey === undefined || sessionKey === null ? null : String(sessionKey),
      explicit_binding: !!explicitResourceBinding,
      reconnect: redials(this.options),
      attach: !!(attach ?? true),
      reload_grace: amount(reloadGrace, 10_000),
      queue_stanzas: amount(queue?.stanzas, 10_000),
      queue_size: amount(queue?.bytes, 16 * 1024 * 1024),
      management: this.sm
        ? {
            max_unacked: amount(streamManagement?.maxUnacked, 5),
            resume: !!(streamManagement?.requestResume ?? true),
            max: streamManagement?.max === undefined ? null : amount(streamManagement.max, 0),
          }
        : null,
    };
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
 * The priorities as the `u32` values that the worker takes. If one of them is no `u32`, which is
 * rare, each is replaced by its rank.
 */
function ranks(mechanisms: readonly SASLMechanism[]): number[] {
  const priorities = mechanisms.map(({ priority }) => Number(priority) || 0);
  if (priorities.every((priority) => priority >>> 0 === priority)) return priorities;
  const places = [...new Set(priorities)].sort((one, other) => one - other);
  return priorities.map((priority) => places.indexOf(priority));
}

/** Clamps a number to the range of `u32`, in which it crosses to the worker. */
function amount(given: number | undefined, fallback: number): number {
  return Math.min(Math.max(given ?? fallback, 0), 2 ** 32 - 1) >>> 0;
}

function randomPart(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('');
}
