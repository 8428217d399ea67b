/**
 * The objects that cross the port, read and made. Their types are generated from `epode-protocol`, which the worker decodes with; here the
 * type checker holds the two ends together, and the page is spared a decoder in wasm.
 */
import type { Outlet, Tab } from '../pkg/epode_client_shim.js';
import { LogLevel, Status } from './constants.ts';
import type { FromWorker } from './protocol/FromWorker.ts';
import type { LogLevel as LevelName } from './protocol/LogLevel.ts';
import type { StatusCode } from './protocol/StatusCode.ts';
import type { ToWorker } from './protocol/ToWorker.ts';

/** The variants of a tagged union, each as `[name, content]`. */
type Tagged<U> = U extends string ? [U, undefined] : { [Tag in keyof U]: [Tag, U[Tag]] }[keyof U];

/** Tells the tab what the worker posted. Variants of a newer worker are passed over; what is no message at all is reported. */
export function hear(tab: Tab, data: FromWorker<string>): void {
  const now = performance.now();
  try {
    const [entry] = Object.entries(data) as [Tagged<FromWorker<string>> | undefined];
    if (!entry) throw new TypeError('an empty message');
    const [tag, content] = entry;
    switch (tag) {
      case 'Welcome':
        return tab.on_welcome(now, content.version, content.boot);
      case 'Refused':
        if ('Version' in content) return tab.on_refused_version(now, new Uint32Array(content.Version.speaks));
        if ('Engine' in content) return tab.on_refused_engine(now, content.Engine.detail);
        return tab.on_refused_malformed(now, content.Malformed.detail);
      case 'Status': {
        const { code, condition, text, session } = content;
        return tab.on_status(now, Status[upper(code)], condition, text, session?.jid, session?.domain, session?.features);
      }
      case 'Role':
        return tab.on_role(now, content === 'Primary');
      case 'Deliver':
        for (const [position, origin, text] of content.stanzas) tab.on_deliver(now, position, origin === 'Sent', text);
        return;
      case 'Written':
        return tab.on_written(now, content.up_to);
      case 'Failed':
        return tab.on_failed(now, content.token, content.fault.condition, content.fault.text);
      case 'Response': {
        const { token, outcome } = content;
        if (typeof outcome === 'string') return tab.on_unanswered(now, token, outcome === 'Timeout');
        if ('Result' in outcome) return tab.on_answered(now, token, false, outcome.Result);
        if ('Error' in outcome) return tab.on_answered(now, token, true, outcome.Error);
        return tab.on_unasked(now, token, outcome.Refused.condition, outcome.Refused.text);
      }
      case 'Log':
        return tab.on_log(now, LogLevel[upper(content.level)], content.text);
      default:
        tag satisfies never;
    }
  } catch (error) {
    tab.malformed(now, String(error));
  }
}

/** Makes the messages and hands them to `post`. */
export function outlet(post: (message: ToWorker<string>) => void): Outlet {
  return {
    sayHello: (versions, tab, lock, visible) => post({ Hello: { versions: [...versions], tab, lock: lock ?? null, visible } }),
    sayConnect: (service, jid, authcid, password, mechanisms, priorities, sessionKey) =>
      post({
        Connect: {
          service,
          jid,
          credentials: { authcid: authcid ?? null, password: password ?? null },
          options: {
            mechanisms: mechanisms?.map((name, index) => ({ name, priority: priorities[index] ?? 0 })) ?? null,
            session_key: sessionKey ?? null,
          },
        },
      }),
    sayAttach: (service, jid) => post({ Attach: { service, jid: jid ?? null } }),
    saySend: (first, texts) => post({ Send: { stanzas: texts.map((text, index) => ({ token: first + index, text })) } }),
    sayRequest: (token, text, timeout) => post({ Request: { token, text, timeout: timeout ?? null } }),
    sayUnhandled: (position) => post({ Unhandled: { position } }),
    sayVisibility: (visible) => post({ Visibility: { visible } }),
    sayDisconnect: (reason) => post({ Disconnect: { reason: reason ?? null } }),
    sayLeave: () => post('Leave'),
  };
}

/** Strophe writes its names in capitals. */
function upper<N extends StatusCode | LevelName>(name: N): Uppercase<N> {
  return name.toUpperCase() as Uppercase<N>;
}
