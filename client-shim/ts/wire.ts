/**
 * The objects that cross the port, read and made. Their types are generated from `epode-protocol`: the type
 * checker holds this end and the engine's (`engine-wire.ts`) together, and the page is spared a decoder in
 * wasm.
 */
import type { Outlet, Tab } from '../pkg/epode_client_shim.js';
import { LogLevel, Status } from './constants.ts';
import type { Batch } from './protocol/Batch.ts';
import type { Before } from './protocol/Before.ts';
import type { Claim } from './protocol/Claim.ts';
import type { Criteria } from './protocol/Criteria.ts';
import type { Delivery } from './protocol/Delivery.ts';
import type { FromWorker } from './protocol/FromWorker.ts';
import type { LogLevel as LevelName } from './protocol/LogLevel.ts';
import type { Origin } from './protocol/Origin.ts';
import type { Selector } from './protocol/Selector.ts';
import type { StatusCode } from './protocol/StatusCode.ts';
import type { TabInfo } from './protocol/TabInfo.ts';
import type { ToWorker } from './protocol/ToWorker.ts';

/** The variants of a tagged union, each as `[name, content]`. */
export type Tagged<U> = U extends string ? [U, undefined] : { [Tag in keyof U]: [Tag, U[Tag]] }[keyof U];

/** A mechanism is to answer. */
export type SaslChallenge = Extract<FromWorker<string>, { SaslChallenge: unknown }>['SaslChallenge'];

/**
 * What a message holds that the page keeps while the tab is told of it: it is shown to the app as it came.
 */
export interface Content {
  stanzas?: Batch<string> | readonly [position: number, text: string];
  tabs?: TabInfo[];
  gap?: Extract<FromWorker<string>, { Gap: unknown }>['Gap'];
  closeCode?: number | null;
}

/** The variants without content, by the numbers that the tab knows them by. */
const WORDS = ['Joining', 'Ping', 'Pong'];

/**
 * Tells the tab what the worker posted. Variants of a newer worker are passed over; what is no message at all
 * is reported.
 */
export function hear(
  tab: Tab,
  data: FromWorker<string>,
  keep: Content,
  challenged: (challenge: SaslChallenge) => void,
): void {
  try {
    // What comes most often takes the short way.
    if (Array.isArray(data)) {
      if (typeof data[0] !== 'number' || typeof data[1] !== 'string')
        throw new TypeError('a stanza that is none');
      keep.stanzas = data;
      return tab.on_deliver(data[0], 1);
    }
    const now = performance.now();
    // A variant without content is its name alone.
    const [entry] = (typeof data === 'string' ? [[data]] : Object.entries(data)) as [
      Tagged<Exclude<FromWorker<string>, unknown[]>> | undefined,
    ];
    if (!entry) throw new TypeError('an empty message');
    const [tag, content] = entry;
    switch (tag) {
      case 'Welcome':
        return tab.on_welcome(now, content.version, content.boot, content.lock);
      case 'Refused':
        if ('Version' in content) return tab.on_refused_version(now, new Uint32Array(content.Version.speaks));
        if ('Engine' in content) return tab.on_refused(now, true, content.Engine.detail);
        return tab.on_refused(now, false, content.Malformed.detail);
      case 'Status': {
        const { code, condition, text, session, close_code } = content;
        keep.closeCode = close_code;
        return tab.on_status(
          now,
          Status[upper(code)],
          condition,
          text,
          session?.jid,
          session?.domain,
          session?.features,
          session?.position ?? 0,
        );
      }
      case 'Keys':
        return tab.on_keys(now, content.keys);
      case 'SaslChallenge':
        // It would be asked for a login that the app has left.
        return tab.is_joining() ? undefined : challenged(content);
      case 'Role':
        return tab.on_role(now, content === 'Primary');
      case 'Deliver': {
        const { positions, lengths, text } = content;
        if (positions.length !== lengths.length || typeof text !== 'string')
          throw new TypeError('stanzas that do not match');
        keep.stanzas = content;
        return tab.on_deliver(
          positions.reduce((end, position) => Math.max(end, position), 0),
          positions.length,
        );
      }
      case 'Claimed': {
        const { claims } = content;
        const counts = claims.map(({ stanzas }) => stanzas.length);
        const caught = claims.flatMap(({ stanzas }) => stanzas);
        return tab.on_claimed(
          now,
          Uint32Array.from(claims, ({ claim }) => claim),
          new Uint32Array(counts),
          ...columns(caught),
        );
      }
      case 'Gap':
        keep.gap = content;
        return tab.on_gap(now);
      case 'Joining':
      case 'Ping':
      case 'Pong':
        return tab.on_word(now, WORDS.indexOf(tag));
      case 'Tabs':
        keep.tabs = content.tabs;
        return tab.on_tabs(now, content.token);
      case 'Written':
        return tab.on_written(now, content.up_to);
      case 'Failed':
        return tab.on_fault(now, false, content.token, content.fault.condition, content.fault.text);
      case 'Response': {
        const { token, outcome, position } = content;
        if (typeof outcome === 'string') return tab.on_unanswered(now, token, outcome === 'Timeout');
        if ('Result' in outcome) return tab.on_answered(now, token, false, outcome.Result, position);
        if ('Error' in outcome) return tab.on_answered(now, token, true, outcome.Error, position);
        return tab.on_fault(now, true, token, outcome.Refused.condition, outcome.Refused.text);
      }
      case 'Log':
        return tab.on_log(now, LogLevel[upper(content.level)], content.text);
      default:
        tag satisfies never;
        tab.malformed(now, `a message ${String(tag)}`);
    }
  } catch (error) {
    tab.malformed(performance.now(), String(error));
  }
}

/** Makes the messages and hands them to `post`. */
export function outlet(post: (message: ToWorker<string>) => void): Outlet {
  let claims: Claim[] = [];
  return {
    sayHello: (versions, tab, lock, visible, boot, position) =>
      post({
        Hello: { versions: [...versions], tab, lock: lock ?? null, before: before(boot, position), visible },
      }),
    sayConnect: (
      service,
      jid,
      authcid,
      password,
      keys,
      mechanisms,
      priorities,
      own,
      listed,
      sessionKey,
      explicitBinding,
      reconnect,
      attach,
      reloadGrace,
      queueStanzas,
      queueSize,
    ) => {
      const offers = mechanisms.map((name, index) => ({ name, priority: priorities[index] ?? 0 }));
      post({
        Connect: {
          service,
          jid,
          credentials: { authcid: authcid ?? null, password: password ?? null, keys: keys ?? null },
          options: {
            mechanisms: offers.slice(own),
            listed,
            own_mechanisms: offers.slice(0, own),
            session_key: sessionKey ?? null,
            explicit_binding: explicitBinding,
            reconnect,
            attach,
            reload_grace: reloadGrace,
            queue_stanzas: queueStanzas,
            queue_size: queueSize,
          },
        },
      });
    },
    sayAttach: (service, jid, explicitBinding) =>
      post({ Attach: { service, jid: jid ?? null, explicit_binding: explicitBinding } }),
    sayBind: (resource) => post({ Bind: { resource: resource ?? null } }),
    sayRestore: (service, jid) => post({ Restore: { service, jid } }),
    addClaim: (id, kind, ns, name, types, stanzaId, from, bare = false, ignoreFragment = false) =>
      claims.push({
        id,
        selector: selector(kind, {
          ns: ns ?? null,
          name: name ?? null,
          types: types ?? null,
          id: stanzaId ?? null,
          from: from ?? null,
          bare,
          ignore_fragment: ignoreFragment,
        }),
      }),
    sayClaims(from, made) {
      post({ Claim: { claims, from, made } });
      claims = [];
    },
    sayRelease: (released) => post({ Release: { claims: [...released] } }),
    sayAck: (posts) => post({ Ack: { posts } }),
    sayWord: post,
    sayTabs: (token) => post({ Tabs: { token } }),
    saySend: (first, texts) =>
      post({ Send: { stanzas: texts.map((text, index) => ({ token: first + index, text })) } }),
    sayRequest: (token, text, timeout) => post({ Request: { token, text, timeout: timeout ?? null } }),
    sayUnhandled: (position) => post({ Unhandled: { position } }),
    sayVisibility: (visible) => post({ Visibility: { visible } }),
    sayDisconnect: (reason, timeout) => post({ Disconnect: { reason: reason ?? null, timeout } }),
  };
}

function before(boot: string | undefined, position: number): Before | null {
  return boot === undefined ? null : { boot, position };
}

function selector(kind: number, criteria: Criteria): Selector {
  return kind === 0 ? { Stanza: criteria } : kind === 1 ? 'Everything' : 'Sent';
}

const ORIGINS: readonly Origin[] = ['Received', 'Sent', 'Replayed'];

function columns(stanzas: readonly Delivery<string>[]): [Float64Array, Uint8Array, string[]] {
  return [
    Float64Array.from(stanzas, ([position]) => position),
    Uint8Array.from(stanzas, ([, origin]) => ORIGINS.indexOf(origin)),
    stanzas.map(([, , text]) => text),
  ];
}

/** Strophe writes its names in capitals. */
function upper<N extends StatusCode | LevelName>(name: N): Uppercase<N> {
  return name.toUpperCase() as Uppercase<N>;
}
