/**
 * One page's part in a session: the command to be in it, the link that carries the command out, and what
 * comes of that. The fields that an app reads of a connection are set here, and those who wait for something
 * called back.
 */
import type { Backlog, ConnectionState, Tab } from './connection-state.ts';
import { LogLevel, Status } from './constants.ts';
import type { BoshPart, Wishes } from './bosh/part.ts';
import { block, bosh, loadBosh } from './engine.ts';
import { DisconnectedError } from './errors.ts';
import { isHeard } from './hooks.ts';
import { Inbox, parsed } from './inbox.ts';
import { getBareJidFromJid } from '../../port/ts/jid.ts';
import { keysOfText } from './keys.ts';
import { forgetSession, type Kept } from './kept.ts';
import { Link, say, type Command, type Told } from './link.ts';
import { error, guarded, info, tell, warn } from './log.ts';
import type { Login } from './login.ts';
import { accountOf, noteLogout } from './logouts.ts';
import { redials } from './options.ts';
import { Outbox, taken } from './outbox.ts';
import { tellPlugins } from './equipment.ts';
import type { BoshOptions } from '../../port/ts/protocol/BoshOptions.ts';
import type { Options } from '../../port/ts/protocol/Options.ts';
import type { Role } from '../../port/ts/protocol/Role.ts';
import type { SessionInfo } from '../../port/ts/protocol/SessionInfo.ts';
import type { Status as StatusMessage } from '../../port/ts/protocol/Status.ts';
import type { ToWorker } from '../../port/ts/protocol/ToWorker.ts';
import { Ready } from './ready.ts';
import { ownAddress, resolveService } from './service.ts';
import { TimedHandlers } from './timed.ts';
import { Bosh, type Transport, transportOf } from './transports.ts';

/** The variants of a message, each as `[name, content]`. */
type Tagged<U> = U extends string ? [U, undefined] : { [Tag in keyof U]: [Tag, U[Tag]] }[keyof U];

/** How much waits where nothing does. */
export const NOTHING: Backlog = Object.freeze({ stanzas: 0, bytes: 0 });

/** Why a tab is out of its session. */
const PARTED = 'disconnect was called while the page was being unloaded: only this tab leaves';
const RETURNED = 'the page is back from the back/forward cache, and out of its session';

/** The conditions with which a server ends a session for good. After all others the session may go on. */
const ENDS = new Set(['conflict', 'not-authorized']);

/** The part of one connection, from one attempt to the next. */
export class Participation<C extends ConnectionState<C>> {
  readonly inbox: Inbox;
  readonly outbox: Outbox;
  readonly timed = new TimedHandlers();
  readonly ready = new Ready<C>();
  /** Who hears of close codes and of the status of HTTP, by protocol and number. */
  readonly codes = new Map<string, (this: C, code: number) => unknown>();
  readonly #connection: C;
  /** As text until it is asked for. */
  #features: Element | string | null = null;
  readonly #asked = new Map<number, (tabs: Tab[]) => void>();
  #link: Link | undefined;
  #login: Login | undefined;
  /** Whether the session over BOSH is one that this page goes on with. */
  #isKept = false;
  /** Why the service of this attempt was not reached. */
  #unreached: string | null = null;
  /** Whether it waits for `bind`. */
  #unbound = false;
  /** Whether the app has yet to hear BINDREQUIRED in this attempt, as in each login over Strophe. */
  #isToBind = false;
  /** Whether the next `bind` is for a session that has its resource. */
  #isBound = false;
  /** The slot of the latest link in this page. */
  #slot: string | undefined;
  /** The command to repeat when the page comes back from the back/forward cache. */
  #membership: Command | undefined;
  /** Counts the attempts, so that the end of one is not taken for that of the next. */
  #attempt = 0;
  /** The attempt that this tab itself ends for all. */
  #ends: number | undefined;
  /** The absolute address of the service, once it was needed. */
  #address: string | undefined;
  /**
   * The account of a session that was up and that the app may go on with by a `connect` of its own, once the
   * connection is lost.
   */
  #resumable: string | null | undefined = null;
  /** The part of BOSH, once such a service was meant and the script of that part is there. */
  #bosh: BoshPart | undefined;

  constructor(connection: C) {
    this.#connection = connection;
    this.inbox = new Inbox(connection, (command) => this.#link?.run(command));
    this.outbox = new Outbox(
      connection,
      (command) => this.run(command),
      () => this.#bosh?.refresh(),
    );
  }

  /** What the server offers. Few apps look, and the first parser of a page takes it a millisecond. */
  get features(): Element | null {
    if (typeof this.#features === 'string') {
      this.#features = parsed(this.#features) ?? null;
      // The worker manages the stream: a page that did so, too, would count beside it.
      for (const offer of [...(this.#features?.children ?? [])])
        if (offer.namespaceURI?.startsWith('urn:xmpp:sm:')) offer.remove();
    }
    return this.#features;
  }

  set features(features: Element | null) {
    this.#features = features;
  }

  /** Whether there is nobody to carry out a command. */
  get ended(): boolean {
    return this.#link?.ended ?? true;
  }

  /** What an attempt before this one came to does not count any more. */
  begin(): void {
    this.#attempt++;
    this.#features = null;
    this.#unreached = null;
    this.ready.renew();
  }

  /** Asks for membership in a session, which ends the former one. */
  join(command: (service: string) => Command, login?: Login, kept?: Kept): void {
    this.#login = login;
    this.#isKept = !!kept;
    const { service, options, authenticated } = this.#connection;
    // A tab that attaches for the first time has nothing to set up anew.
    const isNew = login || (!kept && this.#resumable);
    this.#isToBind = !!(isNew && options.explicitResourceBinding && !redials(options));
    this.#isBound = false;
    try {
      this.#address = resolveService(service, options.protocol, ownAddress());
    } catch (thrown) {
      return this.fail((thrown as Error).message);
    }
    // Handlers that were added for the session to come stay.
    if (authenticated) this.#over();
    this.transport();
    const { run, fail } = command(this.#address);
    const attempt = this.#attempt;
    const checked = (tab: Parameters<typeof run>[0]): void => {
      try {
        run(tab);
      } catch (thrown) {
        // An option that the part of BOSH refuses.
        if (attempt === this.#attempt) this.fail((thrown as Error).message);
      }
    };
    this.#enter({ run: checked, ...(fail && { fail }) }, this.#needs(kept));
  }

  /** Goes on with a session over BOSH, of a former page or of the app's server. */
  takeOver(kept: Kept, wishes: Wishes, options: Options): void {
    this.join(
      (service) => ({
        run: (tab) =>
          say({ AttachBosh: { service, options, ...this.#part().takeOver(kept, wishes) } }).run(tab),
      }),
      undefined,
      kept,
    );
    const { _proto } = this.#connection;
    if (_proto instanceof Bosh) _proto._tell({ sid: kept.sid, rid: kept.rid });
  }

  /** How to open a session over BOSH; `null` for a WebSocket. */
  boshOptions(wishes: Wishes): BoshOptions | null {
    return this.#connection._proto instanceof Bosh ? this.#part().open(wishes) : null;
  }

  /** The class of the transport follows the service, which an app may have assigned. */
  transport(): Transport {
    const { service, options, _proto } = this.#connection;
    const Class = transportOf(service, options.protocol);
    if (!(_proto instanceof Class)) this.#connection._proto = new Class(this.#connection);
    return this.#connection._proto;
  }

  /** Asks for membership without credentials. */
  attach(waits: boolean): void {
    this.join((service) => ({
      run: (tab) => say({ Attach: { service, jid: this.#remembered(), explicit_binding: waits } }).run(tab),
    }));
  }

  /** A resource is to be bound, if the session waits for that. */
  bind(resource: string | null): void {
    if (this.#isBound) return void (this.#isBound = false);
    if (!this.#unbound) return error('bind was called, but the session does not wait for it');
    this.#unbound = false;
    this.run(say({ Bind: { resource } }));
  }

  /** Carries out a command, or fails it where there is no link. */
  run(command: Command): void {
    if (this.ended) command.fail?.('there is no connection');
    else this.#link!.run(command);
  }

  /** What the worker knows of the tabs; none where there is no worker. */
  tabs(): Promise<Tab[]> {
    return new Promise((known) =>
      this.run({
        run: (tab) => {
          const token = tab.number(1);
          this.#asked.set(token, known);
          say({ Tabs: { token } }).run(tab);
        },
        fail: () => known([]),
      }),
    );
  }

  /** Ends the session for all. */
  end(message: ToWorker<string>): void {
    this.#ends = this.#attempt;
    this.run(say(message));
  }

  /**
   * The page is being unloaded, and leaves. One that stays, for a user may have it so, hears that it has
   * left.
   */
  part(message: ToWorker<string>, patience: number): void {
    info(PARTED);
    this.#link!.part(message);
    const attempt = this.#attempt;
    this.#membership = undefined;
    setTimeout(() => attempt === this.#attempt && this.fail(PARTED, Status.DISCONNECTING), patience);
  }

  /** Nothing comes of this attempt. */
  fail(reason: string, first: Status = Status.CONNFAIL): void {
    const attempt = this.#attempt;
    // Later, as everything but CONNECTING: the caller of `connect` is not called back before it returns.
    queueMicrotask(() => {
      for (const status of [first, Status.DISCONNECTED]) {
        if (attempt === this.#attempt) this.#reached(status, null, reason);
      }
    });
    this.#leave();
  }

  /** Leaves, and forgets that it ever was. */
  reset(): void {
    this.#connection.pass = this.#resumable = null;
    this.#membership = this.#login = undefined;
    this.#over();
    this.ready.over(new DisconnectedError('the connection was reset'));
    this.begin();
    this.outbox.discard();
    this.#leave();
  }

  /** Tells the app, plugins first. */
  report(status: Status, condition: string | null, reason: string | null = null): void {
    tellPlugins(this.#connection, status, condition);
    guarded(
      () => this.#connection.connect_callback?.(status, condition, null, reason),
      'the callback of connect',
    );
  }

  /** What has to be there before the command for membership can be carried out, if it is not there yet. */
  #needs(kept: Kept | undefined): Promise<unknown> | undefined {
    if (!(this.#connection._proto instanceof Bosh)) return undefined;
    // A shared worker knows which session it has.
    if (kept && this.#isAlone) return loadBosh().then(({ claim }) => claim(kept.sid));
    return bosh ? undefined : loadBosh();
  }

  get #isAlone(): boolean {
    return !this.#connection.options.worker || typeof SharedWorker === 'undefined';
  }

  /** The part of BOSH; only after its script was loaded. */
  #part(): BoshPart {
    const connection = this.#connection;
    return (this.#bosh ??= new bosh!.BoshPart({
      options: connection.options,
      isAlone: this.#isAlone,
      say: (message) => this.run(say(message)),
      tell: (told) => {
        if (connection._proto instanceof Bosh) connection._proto._tell(told);
      },
      get nextValidRid() {
        if (!isHeard(connection, 'nextValidRid')) return undefined;
        return (rid: number) => guarded(() => connection.nextValidRid(rid), 'nextValidRid');
      },
      warn,
      error,
      block,
    }));
  }

  /**
   * Carries out the command for membership, over a new link where there is none or something is needed first.
   */
  #enter(membership: Command, needs?: Promise<unknown>): void {
    this.#membership = membership;
    if (needs || this.ended) {
      this.#leave();
      const { options, service } = this.#connection;
      this.#link = new Link(
        options.worker,
        this.#address ?? service,
        {
          told: (message) => this.#told(message),
          challenged: async (name, challenge) => this.#login!.answer(name, challenge),
          unlinked: (reason) => this.fail(reason),
          reopened: () => this.outbox.reopened(),
          revived: () => this.#revive(),
          stanza: (position, sent, text) => {
            if (sent) return this.inbox.foreign(text);
            const isUnhandled = this.inbox.received(text, this.#connection.authenticated);
            if (isUnhandled && this.#connection.authenticated) this.run(say({ Unhandled: { position } }));
          },
          caught: (claim, replayed, text) => this.inbox.caught(claim, replayed, text),
          claimed: (claim) => this.inbox.claimed(claim),
        },
        needs,
      );
      this.#slot = this.#link.slot;
      this.inbox.claimAll();
    }
    this.outbox.flush();
    this.#link!.join(membership);
  }

  /** Back from the back/forward cache: the session went on without this page, and it joins anew. */
  #revive(): void {
    const membership = this.#membership;
    const { authenticated, options } = this.#connection;
    if (membership && authenticated && !redials(options)) return this.#lost(null, RETURNED);
    this.#leave();
    this.#over();
    if (!membership) return;
    if (redials(options)) this.report(Status.RECONNECTING, null);
    this.#enter(membership);
  }

  /**
   * This app connects again by itself: where another hears RECONNECTING, it hears DISCONNECTED. Its session
   * goes on without it.
   */
  #lost(condition: string | null, reason: string | null): void {
    this.#leave();
    this.#reached(Status.DISCONNECTED, condition, reason);
  }

  /**
   * Lets go of the link. Whoever waits for something from it hears, a little later, that it does not come.
   */
  #leave(): void {
    const link = this.#link;
    this.#link = undefined;
    link?.leave();
    this.outbox.lose();
    const asked = taken(this.#asked);
    queueMicrotask(() => asked.forEach((known) => known([])));
  }

  /** What the worker says, and who hears it. */
  #told(message: Told): void {
    const connection = this.#connection;
    // A variant without content is its name alone.
    const [tag, content] = (
      typeof message === 'string' ? [message] : Object.entries(message)[0]
    ) as Tagged<Told>;
    switch (tag) {
      case 'Status':
        return this.#status(content);
      case 'Keys':
        connection.scram_keys = keysOfText(content.keys);
        return;
      case 'Role': {
        const role = roleOf(content);
        if (connection.role === role) return;
        connection.role = role;
        return guarded(() => connection.onRoleChanged(role), 'onRoleChanged');
      }
      case 'Gap':
        return guarded(() => connection.onGap(content), 'onGap');
      case 'Tabs':
        this.#asked.get(content.token)?.(content.tabs.map((tab) => ({ ...tab, role: roleOf(tab.role) })));
        this.#asked.delete(content.token);
        return;
      case 'Written':
        return this.outbox.written(content.up_to);
      case 'Fate':
        return this.outbox.told(content.token, content.fate);
      case 'Unmanaged':
        return guarded(() => connection.sm?._unmanaged(), 'onFailed');
      case 'Backlog':
        connection.backlog = content;
        return;
      case 'Failed':
        return this.outbox.failed(content.token, content.fault);
      case 'BoshSession':
        return this.#part().told(content);
      case 'HttpError': {
        const { _proto } = connection;
        if (_proto instanceof Bosh) _proto._tell({ errors: _proto.errors + 1 });
        this.#heardCode('HTTP', content.status);
        // The app may have assigned another token.
        return this.#bosh?.refresh();
      }
      case 'Response':
        return this.outbox.ended(content.token, content.outcome, (text) =>
          this.inbox.answered(text, connection.authenticated),
        );
      case 'Log':
        return tell(LogLevel[upper(content.level)], content.text);
      default:
        // Of a newer worker.
        return warn(`the worker was not understood: a message ${tag}`);
    }
  }

  /** The session is up. */
  #up({ jid, domain, features }: SessionInfo): void {
    const connection = this.#connection;
    connection.jid = jid;
    connection.domain = domain;
    this.#features = features || null;
    this.inbox.claimHooks();
    connection.connected = true;
    connection.authenticated = true;
    connection.disconnecting = false;
    this.#resumable = redials(connection.options) ? null : accountOf(jid);
    this.ready.up(connection);
    this.timed.start();
    this.#bosh?.up();
    this.#remember(getBareJidFromJid(jid));
  }

  /** The session is over, or this tab is out of it. */
  #over(): void {
    this.#down();
    const connection = this.#connection;
    connection.role = null;
    connection.restored = false;
    connection.sm?._over();
    connection.backlog = NOTHING;
    const { _proto } = connection;
    if (!(_proto instanceof Bosh)) return;
    this.#bosh?.over();
    forgetSession();
    _proto._doDisconnect();
    guarded(() => connection.nextValidRid(_proto.rid), 'nextValidRid');
  }

  /**
   * The stream is lost. The role stays: one of the tabs is primary while the worker dials again, and of what
   * does not change no tab is told.
   */
  #down(): void {
    const connection = this.#connection;
    if (connection.authenticated) this.ready.renew();
    connection.connected = false;
    connection.authenticated = false;
    connection.disconnecting = false;
    this.#features = null;
    this.#unbound = false;
    this.inbox.clear();
    this.timed.stop();
    this.timed.clear();
  }

  #status({ code, condition, text, features, session, close_code }: StatusMessage): void {
    if (close_code) this.#heardCode('websocket', close_code);
    if (code === 'Reconnecting' && !redials(this.#connection.options)) {
      // Who is on the way to a session that is down hears how that ends.
      if (this.#connection.authenticated) this.#lost(condition, text);
      return;
    }
    if (code === 'Disconnecting' && this.#hasLoggedOut()) return;
    if (features) this.#features = features;
    if (code === 'BindRequired') this.#isToBind = this.#isBound = false;
    if (session && this.#isToBind) {
      this.#isToBind = false;
      this.#isBound = true;
      this.#features = session.features || null;
      const attempt = this.#attempt;
      this.#reached(Status.BINDREQUIRED, null, null);
      if (attempt !== this.#attempt || attempt === this.#ends) return;
    }
    const isJoined = code === 'Attached';
    const [before, after] = (session && this.#connection.sm?._up(session, isJoined)) ?? [];
    if (session) {
      // As in Strophe, `restore` and `attach` over BOSH differ in this.
      if (!this.#isKept) this.#connection.restored = isJoined || session.resumed;
      this.#up(session);
    }
    if (before) guarded(before, 'a hook of stream management');
    if (code === 'ConnFail' && !condition && this.#isUnreached(close_code)) this.#unreached = text;
    const reason = text !== null && text === this.#unreached ? `${text}; ${this.#meant()}` : text;
    this.#reached(Status[upper(code)], condition, reason);
    if (after) guarded(after, 'a hook of stream management');
  }

  /** The session is ended for all. Whether this tab is out of it already, so that the app need not hear. */
  #hasLoggedOut(): boolean {
    const { jid } = this.#connection;
    const isOurs = this.#ends === this.#attempt;
    if (!isOurs && this.#resumable === accountOf(jid)) noteLogout(jid);
    if (this.#membership || isOurs) return false;
    this.#resumable = this.#connection.pass = null;
    return true;
  }

  /** Whether nobody answered at the address of the service, or somebody else did. */
  #isUnreached(closeCode: number | null | undefined): boolean {
    const { _proto } = this.#connection;
    return _proto instanceof Bosh ? _proto.errors > 0 : !!closeCode;
  }

  /** The address that an app may have mistyped, without what may be secret in it. */
  #meant(): string {
    const { origin, pathname } = new URL(this.#address!);
    const taken =
      this.#connection._proto instanceof Bosh ? ', taken for BOSH: a WebSocket has ws:// or wss://' : '';
    return `the service is ${origin}${pathname}${taken}`;
  }

  /** A socket was closed with this code, and the status that says so follows; or a request has failed. */
  #heardCode(protocol: 'websocket' | 'HTTP', code: number): void {
    guarded(
      () => this.codes.get(`${protocol} ${code}`)?.call(this.#connection, code),
      'addProtocolErrorHandler',
    );
  }

  #reached(status: Status, condition: string | null, text: string | null): void {
    const connection = this.#connection;
    this.#login?.reached(status);
    this.#unbound = status === Status.BINDREQUIRED;
    if (status === Status.AUTHENTICATING || this.#unbound) connection.connected = true;
    if (status === Status.DISCONNECTING) connection.disconnecting = true;
    const isEnd = status === Status.DISCONNECTING || status === Status.AUTHFAIL;
    if (isEnd || (condition && status === Status.ERROR && ENDS.has(condition))) this.#resumable = null;
    const isOut = status === Status.DISCONNECTED || status === Status.ATTACHFAIL;
    if (isEnd || (isOut && this.#resumable !== accountOf(connection.jid))) connection.pass = null;
    // Said again when the cause changes: handlers that were added since are for the session to come.
    if (status === Status.RECONNECTING && connection.authenticated) this.#down();
    if (isOut) {
      this.#membership = this.#login = undefined;
      this.#attempt++;
      this.#remember(null);
      // As in Strophe, handlers for the session to come survive an `attach` that finds no session.
      if (status === Status.DISCONNECTED) this.#over();
      else connection.connected = false;
      this.outbox.discard();
    }
    this.ready.note(status, text, condition);
    this.report(status, condition ?? text, text);
  }

  #remembered(): string | null {
    return storage()?.getItem(`epode ${this.#slot}`) ?? null;
  }

  /** The account of this tab outlives a reload, so that `attach` finds the way back to it. */
  #remember(account: string | null): void {
    const key = `epode ${this.#slot}`;
    // A full store only costs the way back.
    guarded(
      () => (account ? storage()?.setItem(key, account) : storage()?.removeItem(key)),
      'sessionStorage',
    );
  }
}

function roleOf(role: Role): 'primary' | 'secondary' {
  return role === 'Primary' ? 'primary' : 'secondary';
}
/** Strophe writes its names in capitals. */
export function upper<N extends string>(name: N): Uppercase<N> {
  return name.toUpperCase() as Uppercase<N>;
}

function storage(): Storage | undefined {
  try {
    return sessionStorage;
  } catch {
    // Forbidden by the user.
    return undefined;
  }
}
