/**
 * The npm package `epode`: one XMPP connection for every tab, with the API of Strophe.
 *
 * `import { Strophe, $msg, $iq, $pres } from 'epode'`; `new Strophe.Connection(service, { worker: '/epode-worker.js' })`.
 */
import { $build, $iq, $msg, $pres, Builder, Stanza, serialize, stx } from './builder.ts';
import { addConnectionPlugin, Connection } from './connection.ts';
import { addNamespace, ElementType, ErrorCondition, LogLevel, NS, SECONDARY_TIMEOUT, Status, TIMEOUT } from './constants.ts';
import * as element from './element.ts';
import * as errors from './errors.ts';
import { Handler } from './handlers.ts';
import * as jid from './jid.ts';
import * as log from './log.ts';
import {
  SASLAnonymous,
  SASLExternal,
  SASLMechanism,
  SASLOAuthBearer,
  SASLPlain,
  SASLSHA1,
  SASLSHA256,
  SASLSHA384,
  SASLSHA512,
  SASLXOAuth2,
} from './mechanisms.ts';
import { TimedHandler } from './timed.ts';
import { Bosh, Websocket } from './transports.ts';
import { XHTML } from './xhtml.ts';

export type { ConnectionPlugin, Gap, StatusCallback, Tab } from './connection.ts';
export type { Cookie } from './cookies.ts';
export type { Callback, HandlerOptions } from './handlers.ts';
export type { Authenticating, ScramKeys } from './mechanisms.ts';
export type { ConnectionOptions } from './options.ts';
export type { Receipt, Sendable } from './sendable.ts';
export type { Abortable, Stanzas, StanzaSelector } from './stanzas.ts';
export * from './errors.ts';
export { SASLAnonymous, SASLExternal, SASLMechanism, SASLOAuthBearer, SASLPlain, SASLSHA1, SASLSHA256, SASLSHA384, SASLSHA512, SASLXOAuth2 };
export { $build, $iq, $msg, $pres, Builder, Connection, Handler, Stanza, Status, stx, TimedHandler };

const { parseStanza: _parse, ...helpers } = element;
const { sink, tell: _tell, describe: _describe, guarded: _guarded, ...levels } = log;

/** What an app finds under `Strophe`. */
export const Strophe = {
  /** The version of this package. */
  VERSION: '0.1.0',
  TIMEOUT,
  SECONDARY_TIMEOUT,
  Status,
  ErrorCondition,
  LogLevel,
  ElementType,
  NS,
  XHTML,
  addNamespace,
  Connection,
  addConnectionPlugin,
  Bosh,
  Websocket,
  Handler,
  TimedHandler,
  Builder,
  Stanza,
  stx,
  serialize,
  ...helpers,
  ...jid,
  ...levels,
  ...errors,
  SASLAnonymous,
  SASLExternal,
  SASLMechanism,
  SASLOAuthBearer,
  SASLPlain,
  SASLSHA1,
  SASLSHA256,
  SASLSHA384,
  SASLSHA512,
  SASLXOAuth2,
  /** Where the lines of the log go; assign to send them elsewhere. */
  get log(): log.Log {
    return sink.log;
  },
  set log(write: log.Log) {
    sink.log = write;
  },
};
