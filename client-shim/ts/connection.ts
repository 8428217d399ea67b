/**
 * The connection as an app uses it: Strophe's API over a session that the worker owns.
 *
 * Everything works at once. What is called before the worker is reached, or before the session is up, waits and is carried out in order.
 */
import type { Audience } from '../pkg/epode_client_shim.js';
import { serialize, type Treelike } from './builder.ts';
import { NS, Status } from './constants.ts';
import { parseStanza, toElement } from './element.ts';
import { Handler, HandlerList, selectorOf, type Callback, type HandlerOptions } from './handlers.ts';
import { getBareJidFromJid, getDomainFromJid, getNodeFromJid } from './jid.ts';
import { Link, type Wish } from './link.ts';
import { describe, error, tell, warn, type Log } from './log.ts';
import { SASLMechanism } from './mechanisms.ts';
import { resolveService, type Protocol } from './service.ts';
import { TimedHandler, TimedHandlers } from './timed.ts';

/** The options of `new Strophe.Connection(service, options)`. */
export interface ConnectionOptions {
  /**
   * The address of `epode-worker.js`, on the page's origin. All pages of an origin that name the same address share one worker,
   * and with it the sessions in it. An address that does not lead to the worker ends in CONNFAIL, with a reason that says why.
   */
  worker?: string | URL;
  /** With `'ws'` or `'wss'`, a relative service address is a WebSocket on the page's host; on an https page always `wss`. Other names throw. */
  protocol?: Protocol;
  /** The mechanisms that may be used, as classes; by default all. Of those that the server offers the one of the highest `priority` wins. */
  mechanisms?: readonly (new () => SASLMechanism)[];
  /** Names the session of an anonymous login: pages with the same key share it. */
  sessionKey?: string;
  /** Whether the worker dials again when the connection is lost; default `true`. With `false`, all tabs hear DISCONNECTED. */
  reconnect?: boolean;
  /** How long what arrives for a tab that reloads is kept for it, in milliseconds; default 10,000. */
  reloadGrace?: number;
  /** How much may wait for a tab that is slow or frozen, before the oldest is given up (`onGap`); default 10,000 stanzas and 16 MB. */
  queue?: { stanzas?: number; bytes?: number };
}

/** A tab of the session, as the worker knows it. */
export interface Tab {
  /** Names the tab. */
  tab: string;
  /** Whether it is this one. */
  own: boolean;
  role: 'primary' | 'secondary';
  visible: boolean;
  /** Whether it answers: a frozen tab does not. */
  awake: boolean;
  /** How many posts it may be given before it has to acknowledge some. */
  credit: number;
  /** How many stanzas wait for it. */
  waiting: number;
  /** How many claims its handlers and hooks make. */
  claims: number;
}

/** Stanzas that were given up: the first position, the last, and how many. */
export interface Gap {
  from: number;
  to: number;
  count: number;
}

/**
 * What the callback of `connect` and `attach` is told: a `Status`; the condition, where a specification, a mechanism or the server
 * names one, else the reason in a sentence; an element, where there is one; and always the reason in a sentence.
 */
export type StatusCallback = (
  this: Connection,
  status: Status,
  condition: string | null,
  element: Element | null,
  reason: string | null,
) => void;

/** What became of a stanza that was sent. */
export type Receipt =
  | { status: 'written' }
  /** It was not sent. `condition` names the rule, `text` says it in a sentence. */
  | { status: 'failed'; condition: string; text: string };

/** A stanza to send: an element, anything with `.tree()`, or XML. `null` is ignored. */
export type Sendable = Element | Treelike | string | null | undefined;

/** A plugin: `init` is called with each new connection, `statusChanged` before its callback. */
export interface ConnectionPlugin {
  init?(connection: Connection): void;
  statusChanged?(status: Status, condition: string | null): void;
}

const plugins = new Map<string, ConnectionPlugin>();

/** Makes `prototype` part of every connection made from now on, as `connection[name]`. */
export function addConnectionPlugin(name: string, prototype: ConnectionPlugin): void {
  plugins.set(name, prototype);
}

/** A request that waits for its answer. */
interface Question {
  id: string;
  ok: ((stanza: Element) => unknown) | null | undefined;
  err: ((stanza: Element | null) => unknown) | null | undefined;
}

/** A stanza that is to be sent. */
interface Letter {
  text: string;
  receipt: (receipt: Receipt) => void;
}

/** One page's end of a session. Tabs that connect to the same account share the session; each has handlers of its own. */
export class Connection {
  /** The address of the service, as it was given. */
  readonly service: string;
  readonly options: ConnectionOptions;
  /** The full JID once the session is up; before, as it was given to `connect`. */
  jid = '';
  /** The domain of {@link jid}. */
  domain: string | null = null;
  /** The server's `<stream:features/>` behind authentication, once the session is up. */
  features: Element | null = null;
  /** The user name that authenticates. */
  authcid: string | null = null;
  /** The bare JID to act as. */
  authzid: string | null = null;
  /** Whether the session is up. */
  authenticated = false;
  /** Whether there is a stream. */
  connected = false;
  /** Whether the session is being closed. */
  disconnecting = false;
  /** Whether a BOSH session was restored; never, without BOSH. */
  restored = false;
  /** Whether stanzas are held back by {@link pause}. */
  paused = false;
  /** `primary` in exactly one tab of a session, for work that must happen once; `null` outside a session. */
  role: 'primary' | 'secondary' | null = null;
  /** The callback of the latest `connect` or `attach`. */
  connect_callback: StatusCallback | null = null;

  readonly #handlers = new HandlerList((handler) => this.#unclaim(handler));
  /** Each handler's claim, and who it is for. */
  readonly #claims = new Map<number, Handler | 'hook'>();
  /** The claims of hooks: for what comes in, and for what other tabs send. */
  #hooks: { everything?: number | undefined; sent?: number | undefined } = {};
  readonly #replayed = new WeakSet<Element>();
  readonly #asked = new Map<number, (tabs: Tab[]) => void>();
  readonly #timed = new TimedHandlers();
  readonly #questions = new Map<number, Question>();
  readonly #receipts = new Map<number, (receipt: Receipt) => void>();
  #link: Link | undefined;
  /** What to wish again when the page comes back from the back/forward cache. */
  #membership: Wish | undefined;
  /** What is to be sent, and what is to be asked while that is held back. */
  #outbox: (Letter | Wish)[] = [];
  /** Counts the attempts, so that the end of one is not taken for that of the next. */
  #attempt = 0;
  #uniqueId = 0;
  /** The absolute address of the service, once it was needed. */
  #address: string | undefined;

  static {
    // A hook that is assigned late begins to hear from then on; one on a subclass is found when the session comes up.
    for (const name of ['rawInput', 'xmlInput', 'onForeignStanzaSent'] as const) {
      const silent = (): void => {};
      Object.defineProperty(Connection.prototype, name, {
        configurable: true,
        get: () => silent,
        set(this: Connection, hook: unknown) {
          Object.defineProperty(this, name, { value: hook, writable: true, configurable: true, enumerable: true });
          this.#claimHooks();
        },
      });
    }
  }

  /**
   * Makes a connection; nothing is opened before `connect` or `attach`.
   *
   * @param service the WebSocket address of the XMPP service
   * @throws Error when `protocol` names an unknown one
   */
  constructor(service: string, options: ConnectionOptions = {}) {
    this.service = service;
    this.options = options;
    const { protocol } = options;
    if (protocol !== undefined && protocol !== 'ws' && protocol !== 'wss') {
      throw new Error(`the option protocol is "ws" or "wss", not ${JSON.stringify(protocol)}`);
    }
    for (const [name, prototype] of plugins) {
      const plugin = Object.create(prototype) as ConnectionPlugin;
      (this as unknown as Record<string, unknown>)[name] = plugin;
      plugin.init?.(this);
    }
  }

  /**
   * Logs in, or joins the session of this account with the same credentials. CONNECTING is reported before this returns; then the
   * callback hears CONNECTED in the tab that opens the session and ATTACHED in those that join it, or CONNFAIL or AUTHFAIL and why.
   *
   * @param jid the account, with the resource to ask for if any; a bare domain to log in anonymously
   * @param pass the password
   * @param _wait for BOSH, as are the next two
   * @param authcid the user name to authenticate as, where it is not the node of the JID
   */
  connect(
    jid: string,
    pass?: string | null,
    callback?: StatusCallback | null,
    _wait?: number,
    _hold?: number,
    _route?: string,
    authcid?: string | null,
    _disconnectionTimeout = 3000,
  ): void {
    this.jid = jid;
    this.domain = getDomainFromJid(jid);
    this.authzid = getBareJidFromJid(jid);
    this.authcid = authcid || getNodeFromJid(jid);
    this.connect_callback = callback ?? null;
    this.#attempt++;
    this.#report(Status.CONNECTING, null);
    if (typeof jid !== 'string' || (pass !== undefined && pass !== null && typeof pass !== 'string')) {
      return this.#giveUp('connect takes the JID and the password as strings');
    }
    const mechanisms = this.options.mechanisms?.map((Mechanism) => new Mechanism()).filter((mechanism) => mechanism.test({ authcid: this.authcid, pass }));
    this.#join((service) => ({
      run: (tab) =>
        tab.connect(
          performance.now(),
          service,
          jid,
          authcid || undefined,
          pass ?? undefined,
          mechanisms?.map(({ mechname }) => mechname),
          new Uint32Array(mechanisms?.map(({ priority }) => priority) ?? []),
          this.options.sessionKey,
          this.options.reconnect ?? true,
          amount(this.options.reloadGrace, 10_000),
          amount(this.options.queue?.stanzas, 10_000),
          amount(this.options.queue?.bytes, 16 * 1024 * 1024),
        ),
    }));
  }

  /**
   * Joins a session that is there, without credentials: the one of the account that this tab had before a reload, else the only one
   * of the service. The callback hears ATTACHED, or ATTACHFAIL and why.
   *
   * @throws Error when called with the arguments of BOSH
   */
  attach(callback?: StatusCallback | null, ...bosh: unknown[]): void {
    if (typeof callback === 'string' || bosh.length > 0) {
      throw new Error('attach(jid, sid, rid, …) is for BOSH; with a worker it takes the callback only');
    }
    this.connect_callback = callback ?? null;
    this.#attempt++;
    this.#join((service) => ({ run: (tab) => tab.attach(performance.now(), service, this.#remembered(service)) }));
  }

  /** @throws Error always: only a BOSH session can be restored */
  restore(): never {
    throw new Error('restore is for BOSH; with a worker use attach');
  }

  /** Ends the session, for every tab: all hear DISCONNECTED. A tab that only leaves needs to call nothing. */
  disconnect(reason?: string): void {
    if (!this.#link || this.#link.ended) {
      warn('disconnect was called before connect');
      this.#report(Status.DISCONNECTED, null);
      return;
    }
    this.disconnecting = this.connected;
    this.#wish({ run: (tab) => tab.disconnect(performance.now(), reason) });
  }

  /** Forgets everything about the session, which goes on for other tabs. Handlers and statuses start anew with `connect`; what is open ends. */
  reset(): void {
    this.#attempt++;
    this.#membership = undefined;
    this.#over();
    this.jid = '';
    this.domain = null;
    this.connect_callback = null;
    this.#discard();
    this.#leave();
  }

  /** Holds back what is sent from now on, until {@link resume}. */
  pause(): void {
    this.paused = true;
  }

  /** Sends what {@link pause} held back. */
  resume(): void {
    this.paused = false;
    this.flush();
  }

  /** Sends what waits for the end of the current task now. */
  flush(): void {
    if (this.paused) return;
    const batch: Letter[] = [];
    for (const waiting of this.#outbox.splice(0)) {
      if ('text' in waiting) {
        batch.push(waiting);
      } else {
        this.#post(batch.splice(0));
        this.#wish(waiting);
      }
    }
    this.#post(batch);
  }

  #post(batch: Letter[]): void {
    if (batch.length === 0) return;
    const failed = (condition: string, text: string): void => batch.forEach(({ receipt }) => receipt({ status: 'failed', condition, text }));
    if (!this.#link || this.#link.ended) return failed('not-connected', 'there is no connection');
    this.#link.run({
      run: (tab) => {
        const first = tab.send(batch.map(({ text }) => text)) - batch.length + 1;
        // What follows from it comes in a later task.
        batch.forEach(({ receipt }, index) => this.#receipts.set(first + index, receipt));
      },
      fail: (reason) => failed('not-connected', reason),
    });
  }

  /**
   * Sends a stanza, or an array of them. The worker checks each: one that would break the stream is not sent.
   *
   * @returns what became of the last of them; never rejects
   * @throws TypeError when it is nothing that can be sent
   */
  send(stanza: Sendable | readonly Sendable[]): Promise<Receipt> {
    const stanzas = (Array.isArray(stanza) ? stanza : [stanza]) as readonly Sendable[];
    const texts = stanzas.filter((one) => one !== null && one !== undefined).map(textOf);
    let last: Promise<Receipt> = Promise.resolve({ status: 'written' });
    for (const text of texts) {
      this.#output(text);
      last = new Promise((receipt) => this.#outbox.push({ text, receipt }));
      void last.then(reportFailure);
    }
    if (texts.length > 0) queueMicrotask(() => this.flush());
    return last;
  }

  /**
   * Sends an IQ of type `get` or `set` and calls back with its answer, and with nobody else's.
   *
   * @param ok hears the result
   * @param err hears the error, or `null` where no answer came: within `timeout` milliseconds, or before the session ended
   * @returns the `id`, which is made up where the IQ has none
   */
  sendIQ(stanza: Element | Treelike | string, ok?: Question['ok'], err?: Question['err'], timeout?: number): string {
    const element = elementOf(stanza);
    const id = this.#identified(element, 'sendIQ');
    const text = serialize(element);
    this.#output(text);
    const question = { id, ok, err };
    const wish: Wish = {
      run: (tab) => this.#questions.set(tab.request(text, timeout), question),
      fail: (reason) => this.#refuse(question, 'service-unavailable', reason),
    };
    if (this.paused) this.#outbox.push(wish);
    else this.#wish(wish);
    return id;
  }

  /**
   * Sends a presence and calls back with the answer of its `id`, if one comes: a room that was entered, an error.
   *
   * @param ok hears a presence that is no error
   * @param err hears an error, or `null` when nothing came within `timeout` milliseconds
   * @returns the `id`, which is made up where the presence has none
   */
  sendPresence(stanza: Element | Treelike | string, ok?: Question['ok'], err?: Question['err'], timeout?: number): string {
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
   * Calls `handler` with each stanza that matches everything given, for as long as it returns something truthy.
   *
   * @param ns the namespace of the stanza or of anything within it
   * @param name the exact tag name
   * @param type the `type`, or several of which one must match
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
    const added = new Handler(handler, ns, name, type, id, from, options);
    added.active = false;
    this.#handlers.add(added);
    this.#claim(added);
    return added;
  }

  /** Removes a handler, at once. */
  deleteHandler(handler: Handler): void {
    this.#handlers.delete(handler);
  }

  /** Calls `handler` after `period` milliseconds of being connected, and again for as long as it returns something truthy. */
  addTimedHandler(period: number, handler: () => unknown): TimedHandler {
    return this.#timed.add(period, handler);
  }

  /** Removes a timed handler, at once. */
  deleteTimedHandler(handler: TimedHandler): void {
    this.#timed.delete(handler);
  }

  /** An id that no other stanza has, with `suffix` behind a colon. */
  getUniqueId(suffix?: string | number): string {
    const id = `${randomPart()}-${++this.#uniqueId}`;
    return suffix === undefined ? id : `${id}:${suffix}`;
  }

  /** Whether this stanza is a contact's current presence, which came before this tab did and was kept for it. */
  isReplayed(stanza: Element): boolean {
    return this.#replayed.has(stanza);
  }

  /** What the worker knows of the tabs of this session, in the order in which they came; none outside a session. */
  tabs(): Promise<Tab[]> {
    const link = this.#link;
    if (!link || link.ended) return Promise.resolve([]);
    return new Promise((known) => link.run({ run: (tab) => this.#asked.set(tab.tabs(), known), fail: () => known([]) }));
  }

  /** Whether the stream of this session was resumed; not before XEP-0198 is there. */
  hasResumed(): boolean {
    return false;
  }

  /** Whether the stream is acknowledged (XEP-0198); not before that is there. */
  isStreamManagementEnabled(): boolean {
    return false;
  }

  /** Override to see each stanza that comes in, as an element. */
  xmlInput(_element: Element): void {}
  /** Override to see each stanza that this tab sends, as an element. */
  xmlOutput(_element: Element): void {}
  /** Override to see each stanza that comes in, as text. */
  rawInput(_text: string): void {}
  /** Override to see each stanza that this tab sends, as text. */
  rawOutput(_text: string): void {}
  /** Override to hear when this tab becomes `primary` or `secondary`. */
  onRoleChanged(_role: 'primary' | 'secondary'): void {}
  /** Override to hear that stanzas which this tab had claimed were given up, since too many waited for it. */
  onGap(_gap: Gap): void {}
  /** Override to see each message and presence that another tab sends. */
  onForeignStanzaSent(_element: Element): void {}
  /** Of BOSH. */
  nextValidRid(_rid: number): void {}

  /** Wishes for membership in a session, which ends the one there was. */
  #join(wish: (service: string) => Wish): void {
    let service: string;
    try {
      service = resolveService(this.service, this.options.protocol, location.href);
    } catch (thrown) {
      return this.#giveUp((thrown as Error).message);
    }
    if (!this.options.worker) {
      return this.#giveUp('the option "worker" is missing: the address of epode-worker.js');
    }
    // Handlers that were added for the session to come stay.
    if (this.authenticated) this.#over();
    this.#address = service;
    this.#membership = wish(service);
    this.#wish(this.#membership);
  }

  #wish(wish: Wish): void {
    if (!this.#link || this.#link.ended) {
      if (wish !== this.#membership || !this.options.worker) return wish.fail?.('there is no connection');
      this.#leave();
      this.#link = new Link(this.options.worker, this.#address ?? this.service, this.#audience(), {
        unlinked: (reason) => this.#giveUp(reason),
        revived: () => this.#revive(),
        tabsKnown: (token, tabs) => {
          this.#asked.get(token)?.(tabs.map((tab) => ({ ...tab, role: tab.role === 'Primary' ? 'primary' : 'secondary' })));
          this.#asked.delete(token);
        },
      });
      for (const handler of this.#handlers) this.#claim(handler);
    }
    this.flush();
    this.#link.run(wish);
  }

  /** Back from the back/forward cache: the session went on without this page, and it joins anew. */
  #revive(): void {
    this.#leave();
    this.#over();
    const membership = this.#membership;
    if (!membership) return;
    this.#report(Status.RECONNECTING, null);
    this.#wish(membership);
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
    const receipts = taken(this.#receipts);
    const questions = taken(this.#questions);
    const asked = taken(this.#asked);
    queueMicrotask(() => {
      const lost: Receipt = { status: 'failed', condition: 'not-connected', text: 'the connection was left; whether this was sent is not known' };
      for (const receipt of receipts) receipt(lost);
      for (const { err } of questions) guarded(() => err?.(null), 'the callback of sendIQ');
      for (const known of asked) known([]);
    });
  }

  /** What was to be sent in this session is not sent in another. */
  #discard(): void {
    const reason = 'there is no connection';
    for (const waiting of this.#outbox.splice(0)) {
      if ('text' in waiting) waiting.receipt({ status: 'failed', condition: 'not-connected', text: reason });
      else queueMicrotask(() => waiting.fail?.(reason));
    }
  }

  #audience(): Omit<Audience, 'tabs'> {
    return {
      status: (code, condition, text, jid, domain, features) => {
        if (jid !== undefined) this.#up(jid, domain ?? null, features);
        this.#status(code as Status, condition, text);
      },
      role: (primary) => {
        const role = primary ? 'primary' : 'secondary';
        if (this.role === role) return;
        this.role = role;
        guarded(() => this.onRoleChanged(role), 'onRoleChanged');
      },
      stanza: (position, sent, text) => (sent ? this.#foreign(text) : this.#receive(text, position)),
      caught: (claim, replayed, text) => this.#caught(claim, replayed, text),
      claimed: (claim) => {
        const claimant = this.#claims.get(claim);
        if (claimant instanceof Handler) claimant.active = true;
      },
      gap: (from, to, count) => guarded(() => this.onGap({ from, to, count }), 'onGap'),
      written: (upTo) => {
        for (const [token, receipt] of this.#receipts) {
          if (token > upTo) break;
          this.#receipts.delete(token);
          receipt({ status: 'written' });
        }
      },
      failed: (token, condition, text) => {
        this.#receipts.get(token)?.({ status: 'failed', condition, text });
        this.#receipts.delete(token);
      },
      answered: (token, isError, text) => {
        const question = this.#take(token);
        const answer = this.#receive(text, undefined);
        if (!question || !answer) return;
        guarded(() => (isError ? question.err : question.ok)?.(answer), 'the callback of sendIQ');
      },
      unanswered: (token) => {
        const question = this.#take(token);
        guarded(() => question?.err?.(null), 'the callback of sendIQ');
      },
      unasked: (token, condition, text) => {
        const question = this.#take(token);
        if (question) this.#refuse(question, condition, text);
      },
      log: (level, text) => tell(level as Parameters<Log>[0], text),
    };
  }

  #take(token: number): Question | undefined {
    const question = this.#questions.get(token);
    this.#questions.delete(token);
    return question;
  }

  /** The session is up. */
  #up(jid: string, domain: string | null, features: string | undefined): void {
    this.jid = jid;
    this.domain = domain;
    this.features = (features && parsed(features)) || null;
    this.#claimHooks();
    this.connected = true;
    this.authenticated = true;
    this.disconnecting = false;
    this.#timed.start();
    this.#remember(getBareJidFromJid(jid));
  }

  /** The session is over, or this tab is out of it. */
  #over(): void {
    this.connected = false;
    this.authenticated = false;
    this.disconnecting = false;
    this.role = null;
    this.features = null;
    this.#handlers.clear();
    this.#claims.clear();
    this.#hooks = {};
    this.#timed.stop();
    this.#timed.clear();
  }

  #status(status: Status, condition: string | undefined, text: string | undefined): void {
    if (status === Status.AUTHENTICATING) this.connected = true;
    if (status === Status.DISCONNECTING) this.disconnecting = true;
    if (status === Status.RECONNECTING) this.#over();
    if (status === Status.DISCONNECTED || status === Status.ATTACHFAIL) {
      this.#membership = undefined;
      this.#remember(null);
      this.#over();
      this.#discard();
    }
    this.#report(status, condition ?? text ?? null, text ?? null);
  }

  #report(status: Status, condition: string | null, reason: string | null = null): void {
    for (const name of plugins.keys()) {
      const plugin = (this as unknown as Record<string, ConnectionPlugin | undefined>)[name];
      guarded(() => plugin?.statusChanged?.(status, condition), `the plugin ${name}`);
    }
    guarded(() => this.connect_callback?.call(this, status, condition, null, reason), 'the callback of connect');
  }

  /** Claims what a handler is for. Until the worker has said that the claim holds, it brings what the handler misses. */
  #claim(handler: Handler): void {
    this.#link?.run({
      run: (tab) => {
        if (handler.active || ![...this.#handlers].includes(handler)) return;
        const { ns, name, types, id, from, bare, ignoreFragment } = selectorOf(handler);
        this.#claims.set(tab.claim(ns, name, types, id, from, bare ?? false, ignoreFragment ?? false), handler);
      },
    });
  }

  #unclaim(handler: Handler): void {
    for (const [claim, claimant] of this.#claims) {
      if (claimant !== handler) continue;
      this.#claims.delete(claim);
      this.#link?.run({ run: (tab) => tab.release(claim) });
    }
  }

  /** Hooks look on: they claim everything there is. */
  #claimHooks(): void {
    this.#link?.run({
      run: (tab) => {
        const { rawInput, xmlInput, onForeignStanzaSent } = Connection.prototype;
        if (this.#hooks.everything === undefined && (this.rawInput !== rawInput || this.xmlInput !== xmlInput)) {
          this.#claims.set((this.#hooks.everything = tab.claim_everything()), 'hook');
        }
        if (this.#hooks.sent === undefined && this.onForeignStanzaSent !== onForeignStanzaSent) {
          this.#hooks.sent = tab.claim_sent();
        }
      },
    });
  }

  /** A stanza that came before the claim did. */
  #caught(claim: number, replayed: boolean, text: string): void {
    const claimant = this.#claims.get(claim);
    if (claimant === 'hook') return void this.#look(text);
    if (!claimant) return;
    const stanza = parsed(text);
    if (!stanza) return;
    if (replayed) this.#replayed.add(stanza);
    this.#handlers.dispatchTo(claimant, stanza);
  }

  /** Shows a stanza to the hooks; the element, if one had to be made. */
  #look(text: string): Element | undefined {
    if (this.rawInput !== Connection.prototype.rawInput) guarded(() => this.rawInput(text), 'rawInput');
    if (this.xmlInput === Connection.prototype.xmlInput) return undefined;
    const element = parsed(text);
    if (element) guarded(() => this.xmlInput(element), 'xmlInput');
    return element;
  }

  /** A stanza for this tab. Without a position it is the answer to a question, which nobody needs to take. */
  #receive(text: string, position: number | undefined): Element | undefined {
    const stanza = this.#look(text) ?? parsed(text);
    if (!stanza) return undefined;
    const { handled } = this.#handlers.dispatch(stanza, this.authenticated);
    if (position !== undefined && this.authenticated && !handled && isRequest(stanza)) {
      this.#link?.run({ run: (tab) => tab.unhandled(performance.now(), position) });
    }
    return stanza;
  }

  #foreign(text: string): void {
    if (this.onForeignStanzaSent === Connection.prototype.onForeignStanzaSent) return;
    guarded(() => this.onForeignStanzaSent(parseStanza(text)), 'onForeignStanzaSent');
  }

  #output(text: string): void {
    if (this.rawOutput !== Connection.prototype.rawOutput) guarded(() => this.rawOutput(text), 'rawOutput');
    if (this.xmlOutput !== Connection.prototype.xmlOutput) guarded(() => this.xmlOutput(toElement(text)), 'xmlOutput');
  }

  /** An IQ that was not sent: its callback hears the rule as it would hear it from a server (RFC 6120 §8.3). */
  #refuse({ id, err }: Question, condition: string, text: string): void {
    error(`an iq was not sent: ${condition}: ${text}`);
    const refusal = toElement(`<iq xmlns="${NS.CLIENT}" type="error"><error type="modify"><bad-request xmlns="${NS.STANZAS}"/><text xmlns="${NS.STANZAS}"/></error></iq>`);
    refusal.setAttribute('id', id);
    const [rule] = refusal.getElementsByTagName('text');
    rule?.append(`${condition}: ${text}`);
    guarded(() => err?.(refusal), 'the callback of sendIQ');
  }

  #identified(element: Element, suffix: string): string {
    const id = element.getAttribute('id') || this.getUniqueId(suffix);
    element.setAttribute('id', id);
    return id;
  }

  #remembered(service: string): string | undefined {
    return storage()?.getItem(`epode ${service}`) ?? undefined;
  }

  /** The account of this tab outlives a reload, so that `attach` finds the way back to it. */
  #remember(account: string | null): void {
    const key = `epode ${this.#address}`;
    // A full store only costs the way back.
    guarded(() => (account ? storage()?.setItem(key, account) : storage()?.removeItem(key)), 'sessionStorage');
  }
}

/** The element of a stanza that the worker has verified. */
function parsed(text: string): Element | undefined {
  try {
    return parseStanza(text);
  } catch (thrown) {
    error(`an inbound stanza could not be read: ${describe(thrown)}`);
    return undefined;
  }
}

function textOf(stanza: NonNullable<Sendable>): string {
  if (typeof stanza === 'string') return stanza;
  if (typeof stanza === 'object' && ('tree' in stanza || 'nodeType' in stanza)) return serialize(stanza);
  throw new TypeError(`only an element, something with .tree(), or XML can be sent, not ${String(stanza)}`);
}

function elementOf(stanza: Element | Treelike | string): Element {
  if (typeof stanza === 'string') return toElement(stanza);
  return 'tree' in stanza ? stanza.tree() : stanza;
}

function isRequest(stanza: Element): boolean {
  const type = stanza.getAttribute('type');
  return stanza.localName === 'iq' && (type === 'get' || type === 'set');
}

/** As a number that crosses to the worker: whole, and of 32 bits. */
function amount(given: number | undefined, fallback: number): number {
  return Math.min(Math.max(given ?? fallback, 0), 2 ** 32 - 1);
}

/** What is in the map; nothing is afterwards. */
function taken<V>(map: Map<number, V>): V[] {
  const values = [...map.values()];
  map.clear();
  return values;
}

function reportFailure(receipt: Receipt): void {
  if (receipt.status === 'failed') error(`a stanza was not sent: ${receipt.condition}: ${receipt.text}`);
}

/** Calls into the app; what it throws is logged, and stops nothing else. */
function guarded(call: () => unknown, where: string): void {
  try {
    call();
  } catch (thrown) {
    error(`${where} threw: ${describe(thrown)}`);
  }
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
