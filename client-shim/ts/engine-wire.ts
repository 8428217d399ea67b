/**
 * The engine's end of a port: what tabs post is looked through, field by field, and goes in as flat calls;
 * what the engine says comes out as flat calls and is made here. The types are generated from
 * `epode-protocol`, and hold this end to the page's (`wire.ts`); decoding by serde would make the engine's
 * wasm a sixth larger.
 */
import {
  accept as open,
  add_claim,
  forget,
  on_ack,
  on_attach,
  on_bind,
  on_claim,
  on_connect,
  on_disconnect,
  on_freeze,
  on_hello,
  on_leave,
  on_malformed,
  on_ping,
  on_pong,
  on_release,
  on_request,
  on_restore,
  on_sasl_abort,
  on_sasl_response,
  on_send,
  on_step_aside,
  on_tabs,
  on_unhandled,
  on_visibility,
  start as run,
  type Ownership,
  type Dial,
  type Outlet,
} from '../../worker/pkg/epode_worker.js';
import type { Before } from './protocol/Before.ts';
import type { Caught } from './protocol/Caught.ts';
import type { Claim } from './protocol/Claim.ts';
import type { Credentials } from './protocol/Credentials.ts';
import type { Criteria } from './protocol/Criteria.ts';
import type { Delivery } from './protocol/Delivery.ts';
import type { FromWorker } from './protocol/FromWorker.ts';
import type { LogLevel } from './protocol/LogLevel.ts';
import type { MechanismOffer } from './protocol/MechanismOffer.ts';
import type { Options } from './protocol/Options.ts';
import type { Origin } from './protocol/Origin.ts';
import type { Outgoing } from './protocol/Outgoing.ts';
import type { Role } from './protocol/Role.ts';
import type { Selector } from './protocol/Selector.ts';
import type { StatusCode } from './protocol/StatusCode.ts';
import type { TabInfo } from './protocol/TabInfo.ts';
import type { ToWorker } from './protocol/ToWorker.ts';
import type { Port } from './epode-engine.ts';
import { answerStrophe, isOfStrophe } from './strophe-port.ts';
import type { Tagged } from './wire.ts';

/** Starts the engine; once, before the first port. */
export function start(
  lock: string | undefined,
  ownership: Ownership,
  dial: Dial,
  shared: boolean,
  detour: boolean,
): void {
  run(lock, ownership, dial, outlet(), shared, detour);
}

/** Those that are open, under the numbers by which the engine knows them. */
const ports = new Map<number, Port>();
let latest = 0;

/**
 * Hands the engine the port of a tab, and what the tab has `said` there already. A goodbye is heard so many
 * milliseconds later: where a session ends with its page nothing is written behind it, and the app may say
 * more.
 */
export function accept(port: Port, said: readonly unknown[] = [], lastWords = 0): void {
  const number = ++latest;
  ports.set(number, port);
  open(number);
  let isFresh = said.length === 0;
  let hasLeft = false;
  // This starts the port, but nothing is delivered before this task has ended.
  port.onmessage = ({ data }) => {
    if (isFresh && isOfStrophe(data)) {
      ports.delete(number);
      forget(number);
      return answerStrophe(port, data);
    }
    isFresh = false;
    if (data === 'Leave' && lastWords > 0) {
      hasLeft = true;
      setTimeout(hear, lastWords, number, data);
    } else if (!(hasLeft && data?.Disconnect)) hear(number, data);
  };
  for (const data of said) hear(number, data);
}

/** Whether a value is what the protocol says. Only plain data crosses a port: looking at it cannot throw. */
type Is<T> = (value: unknown) => value is T;

/** The field that was looked at last: of what is refused, the one that is wrong. */
let field = '';

const text: Is<string> = (value) => typeof value === 'string';
const flag: Is<boolean> = (value) => typeof value === 'boolean';
const number: Is<number> = (value): value is number => typeof value === 'number' && value >>> 0 === value;
const position: Is<number> = (value): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0;
const time = position;
const nothing: Is<undefined> = (value) => value === undefined;

const optional =
  <T>(is: Is<T>): Is<T | null> =>
  (value): value is T | null =>
    value == null || is(value);

const list =
  <T>(is: Is<T>): Is<T[]> =>
  (value): value is T[] =>
    // A copy, for `every` passes holes over.
    Array.isArray(value) && [...value].every(is);

function record<T>(fields: { [Name in keyof T]-?: Is<T[Name]> }): Is<T> {
  const entries: [string, Is<unknown>][] = Object.entries(fields);
  return (value): value is T => isObject(value) && entries.every(([name, is]) => is(value[(field = name)]));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const criteria = record<{ Stanza: Criteria }>({
  Stanza: record<Criteria>({
    ns: optional(text),
    name: optional(text),
    types: optional(list(text)),
    id: optional(text),
    from: optional(text),
    bare: flag,
    ignore_fragment: flag,
  }),
});

const offer = record<MechanismOffer>({ name: text, priority: number });

/** For each variant what its content must be, and what is done with it. */
const MESSAGES: {
  [Word in Tagged<ToWorker<string>> as Word[0]]: [
    is: Is<Word[1]>,
    hear: (port: number, content: Word[1]) => void,
  ];
} = {
  Hello: [
    record({
      versions: list(number),
      tab: text,
      lock: optional(text),
      before: optional(record<Before>({ boot: text, position })),
      visible: flag,
    }),
    (port, { versions, tab, lock, before, visible }) =>
      on_hello(port, new Uint32Array(versions), tab, lock, visible, before?.boot, before?.position ?? 0),
  ],
  Connect: [
    record({
      service: text,
      jid: text,
      credentials: record<Credentials>({
        authcid: optional(text),
        password: optional(text),
        keys: optional(text),
      }),
      options: record<Options>({
        mechanisms: list(offer),
        listed: flag,
        own_mechanisms: list(offer),
        session_key: optional(text),
        explicit_binding: flag,
        reconnect: flag,
        attach: flag,
        reload_grace: number,
        queue_stanzas: number,
        queue_size: number,
      }),
    }),
    (
      port,
      {
        service,
        jid,
        credentials: { authcid, password, keys },
        options: {
          mechanisms,
          listed,
          own_mechanisms,
          session_key,
          explicit_binding,
          reconnect,
          attach,
          reload_grace,
          queue_stanzas,
          queue_size,
        },
      },
    ) => {
      const offers = [...own_mechanisms, ...mechanisms];
      on_connect(
        port,
        service,
        jid,
        authcid,
        password,
        keys,
        offers.map(({ name }) => name),
        Uint32Array.from(offers, ({ priority }) => priority),
        own_mechanisms.length,
        listed,
        session_key,
        explicit_binding,
        reconnect,
        attach,
        reload_grace,
        queue_stanzas,
        queue_size,
      );
    },
  ],
  Attach: [
    record({ service: text, jid: optional(text), explicit_binding: flag }),
    (port, { service, jid, explicit_binding }) => on_attach(port, service, jid, explicit_binding),
  ],
  Restore: [record({ service: text, jid: text }), (port, { service, jid }) => on_restore(port, service, jid)],
  SaslResponse: [
    record({ exchange: number, response: optional(text) }),
    (port, { exchange, response }) => on_sasl_response(port, exchange, response),
  ],
  SaslAbort: [record({ exchange: number }), (port, { exchange }) => on_sasl_abort(port, exchange)],
  Bind: [record({ resource: optional(text) }), (port, { resource }) => on_bind(port, resource)],
  Claim: [
    record({
      claims: list(
        record<Claim>({
          id: number,
          selector: (value): value is Selector =>
            value === 'Everything' || value === 'Sent' || criteria(value),
        }),
      ),
      from: position,
      made: time,
    }),
    (port, { claims, from, made }) => {
      for (const { id, selector } of claims) {
        const kind = selector === 'Everything' ? 1 : selector === 'Sent' ? 2 : 0;
        const {
          ns,
          name,
          types,
          id: stanzaId,
          from,
          bare,
          ignore_fragment,
        } = typeof selector === 'string' ? NO_CRITERIA : selector.Stanza;
        add_claim(id, kind, ns, name, types, stanzaId, from, bare, ignore_fragment);
      }
      on_claim(port, from, made);
    },
  ],
  Release: [
    record({ claims: list(number) }),
    (port, { claims }) => on_release(port, new Uint32Array(claims)),
  ],
  Ack: [record({ posts: number }), (port, { posts }) => on_ack(port, posts)],
  Send: [
    record({ stanzas: list(record<Outgoing<string>>({ token: number, text })) }),
    (port, { stanzas }) =>
      on_send(
        port,
        Uint32Array.from(stanzas, ({ token }) => token),
        stanzas.map(({ text }) => text),
      ),
  ],
  Request: [
    record({ token: number, text, timeout: optional(number) }),
    (port, { token, text, timeout }) => on_request(port, token, text, timeout),
  ],
  Unhandled: [record({ position }), (port, { position }) => on_unhandled(port, position)],
  Visibility: [record({ visible: flag }), (port, { visible }) => on_visibility(port, visible)],
  StepAside: [nothing, on_step_aside],
  Freeze: [nothing, on_freeze],
  Pong: [nothing, on_pong],
  Ping: [nothing, on_ping],
  Tabs: [record({ token: number }), (port, { token }) => on_tabs(port, token)],
  Disconnect: [
    record({ reason: optional(text), timeout: number }),
    (port, { reason, timeout }) => on_disconnect(port, reason, timeout),
  ],
  Leave: [nothing, on_leave],
};

const NO_CRITERIA: Criteria = {
  ns: null,
  name: null,
  types: null,
  id: null,
  from: null,
  bare: false,
  ignore_fragment: false,
};

/** A map, for a tab may say `constructor`. */
const KNOWN = new Map<unknown, [is: Is<unknown>, hear: (port: number, content: never) => void]>(
  Object.entries(MESSAGES),
);

/** Tells the engine what a tab posted. What is refused is not quoted: it may be a password. */
function hear(port: number, data: unknown): void {
  // A variant without content is its name alone.
  const [entry, more] = isObject(data) ? Object.entries(data) : [[data, undefined]];
  const [tag, content] = more || !entry ? [] : entry;
  const known = KNOWN.get(tag);
  if (!known) return on_malformed(port, 'not a message that this worker knows');
  const [is, act] = known;
  field = 'content';
  if (is(content)) act(port, content as never);
  else on_malformed(port, `a message ${String(tag)} with a wrong ${field}`);
}

const ORIGINS: readonly Origin[] = ['Received', 'Sent', 'Replayed'];
const LEVELS: readonly LogLevel[] = ['Debug', 'Info', 'Warn', 'Error', 'Fatal'];
const CODES: readonly StatusCode[] = [
  'Error',
  'Connecting',
  'ConnFail',
  'Authenticating',
  'AuthFail',
  'Connected',
  'Disconnected',
  'Disconnecting',
  'Attached',
  'Redirect',
  'ConnTimeout',
  'BindRequired',
  'AttachFail',
  'Reconnecting',
];

/** A function for each of the outlet's, which makes what the protocol knows. */
type Makers = {
  [Name in Exclude<keyof Outlet, 'post' | 'close'>]: (
    ...words: Parameters<Outlet[Name]>
  ) => Name extends `add${string}` ? void : FromWorker<string>;
};

function outlet(): Outlet {
  let positions: number[] = [];
  let lengths: number[] = [];
  let origins: Origin[] | null = null;
  let stanzas: Delivery<string>[] = [];
  let claims: Caught<string>[] = [];
  let known: TabInfo[] = [];
  const makers = {
    welcome: (version, boot, lock) => ({ Welcome: { version, boot, lock: lock ?? null } }),
    refusedVersion: (speaks) => ({ Refused: { Version: { speaks: [...speaks] } } }),
    refusedMalformed: (detail) => ({ Refused: { Malformed: { detail } } }),
    refusedEngine: (detail) => ({ Refused: { Engine: { detail } } }),
    joining: () => 'Joining',
    status: (code, condition, text, jid, domain, features, position, closeCode) => ({
      Status: {
        code: CODES[code]!,
        condition: condition ?? null,
        text: text ?? null,
        session: jid === undefined ? null : { jid, domain: domain!, features: features!, position },
        close_code: closeCode ?? null,
      },
    }),
    keys: (keys) => ({ Keys: { keys } }),
    saslChallenge: (exchange, mechanism, challenge) => ({
      SaslChallenge: { exchange, mechanism, challenge: challenge ?? null },
    }),
    role: (primary) => ({ Role: role(primary) }),
    stanza: (position, text) => [position, text],
    addStanza(position, length, origin) {
      positions.push(position);
      lengths.push(length);
      if (origin !== undefined) (origins ??= []).push(ORIGINS[origin]!);
    },
    deliver(text) {
      const message = { Deliver: { positions, origins, lengths, text } };
      [positions, lengths, origins] = [[], [], null];
      return message;
    },
    addCaught: (position, origin, text) => void stanzas.push([position, ORIGINS[origin]!, text]),
    addClaim(claim) {
      claims.push({ claim, stanzas });
      stanzas = [];
    },
    claimed() {
      const message = { Claimed: { claims } };
      claims = [];
      return message;
    },
    gap: (from, to, count, reason) => ({ Gap: { from, to, count, reason } }),
    ping: () => 'Ping',
    pong: () => 'Pong',
    addTab: (tab, own, primary, visible, awake, credit, waiting, claims) =>
      void known.push({ tab, own, role: role(primary), visible, awake, credit, waiting, claims }),
    tabs(token) {
      const message = { Tabs: { token, tabs: known } };
      known = [];
      return message;
    },
    written: (up_to) => ({ Written: { up_to } }),
    failed: (token, condition, text) => ({ Failed: { token, fault: { condition, text } } }),
    answered: (token, error, text, position) => ({
      Response: { token, outcome: error ? { Error: text } : { Result: text }, position },
    }),
    unanswered: (token, timeout, position) => ({
      Response: { token, outcome: timeout ? 'Timeout' : 'Disconnected', position },
    }),
    unasked: (token, condition, text, position) => ({
      Response: { token, outcome: { Refused: { condition, text } }, position },
    }),
    log: (level, text) => ({ Log: { level: LEVELS[level]!, text } }),
  } satisfies Makers;
  return {
    ...makers,
    // All that is posted is plain data, which every port takes.
    post: (to, message) => to.forEach((port) => ports.get(port)?.postMessage(message)),
    close(number) {
      const port = ports.get(number);
      if (!port) return;
      ports.delete(number);
      port.onmessage = null;
      port.close();
    },
  };
}

function role(primary: boolean): Role {
  return primary ? 'Primary' : 'Secondary';
}
