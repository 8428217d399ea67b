/**
 * The object `Strophe`: everything that Strophe's own object of this name has, and the additions of
 * this package.
 */
import type * as builder from './builder.ts';
import { Builder, Stanza, serialize, stx } from './builder.ts';
import type * as connection from './connection.ts';
import { Connection } from './connection.ts';
import type * as constants from './constants.ts';
import {
  addNamespace,
  ElementType,
  ErrorCondition,
  LogLevel,
  NS,
  SECONDARY_TIMEOUT,
  Status,
  TIMEOUT,
} from './constants.ts';
import type * as document from './document.ts';
import * as element from './element.ts';
import * as errors from './errors.ts';
import type * as escaping from './escape.ts';
import type * as handlers from './handlers.ts';
import { Handler } from './handlers.ts';
import * as jid from '../../port/ts/jid.ts';
import * as log from './log.ts';
import type * as management from './management.ts';
import { StreamManagement } from './management.ts';
import * as mechanisms from './mechanisms.ts';
import type * as parse from './parse.ts';
import type * as plugins from './plugins.ts';
import { addConnectionPlugin } from './plugins.ts';
import * as storage from './storage.ts';
import type * as timed from './timed.ts';
import { TimedHandler } from './timed.ts';
import type * as transports from './transports.ts';
import { Bosh, Websocket } from './transports.ts';
import type * as xhtml from './xhtml.ts';
import { XHTML } from './xhtml.ts';

const { parseStanza: _parse, ...helpers } = element;
const { sink, tell: _tell, describe: _describe, guarded: _guarded, ...levels } = log;

type Constants = typeof constants;
type Errors = typeof errors;
type Jids = typeof jid;
type Mechanisms = typeof mechanisms;
type Storage = typeof storage;

/** The members of `Strophe`; each is documented in the module that declares it. */
export interface Strophe
  extends Constants,
    Errors,
    Jids,
    Mechanisms,
    Storage,
    Pick<typeof transports, 'Bosh' | 'Websocket'>,
    Pick<typeof builder, 'Builder' | 'Stanza' | 'stx' | 'serialize'>,
    Pick<typeof connection, 'Connection'>,
    Pick<typeof document, 'xmlGenerator'>,
    Pick<typeof escaping, 'xmlescape' | 'xmlunescape'>,
    Omit<typeof parse, 'parseStanza'>,
    Omit<typeof element, keyof typeof document | keyof typeof escaping | keyof typeof parse>,
    Pick<typeof handlers, 'Handler'>,
    Pick<typeof management, 'StreamManagement'>,
    Pick<typeof log, 'setLogLevel' | 'debug' | 'info' | 'warn' | 'error' | 'fatal'>,
    Pick<typeof plugins, 'addConnectionPlugin'>,
    Pick<typeof timed, 'TimedHandler'>,
    Pick<typeof xhtml, 'XHTML'> {
  /** The version of this package. */
  readonly VERSION: string;
  /**
   * Is called with each line of this library's log, of every level. Assign a function to send the
   * log elsewhere than to the console; the default writes lines of at least the level given to
   * {@link setLogLevel}. If the function throws, the line goes to the console instead.
   */
  log: log.Log;
}

/** The API under Strophe's own name: `Strophe.Connection`, `Strophe.Status`, `Strophe.NS`, … */
export const Strophe: Strophe = {
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
  StreamManagement,
  Builder,
  Stanza,
  stx,
  serialize,
  ...helpers,
  ...jid,
  ...levels,
  ...errors,
  ...mechanisms,
  ...storage,
  get log() {
    return sink.log;
  },
  set log(write) {
    sink.log = write;
  },
};
