/**
 * The npm package `epode`: one XMPP connection for every tab, with the API of Strophe.
 *
 * ```js
 * import { Strophe, $msg, $iq, $pres } from 'epode';
 * const connection = new Strophe.Connection(service, { worker: '/epode-worker.inline.js' });
 * ```
 */
import { $build, $iq, $msg, $pres, Builder, Stanza, stx } from './builder.ts';
import { Strophe } from './strophe.ts';

export type { Attributes, AttributeValue, StanzaValue, Treelike, UnsafeXML } from './builder.ts';
export { $build, $iq, $msg, $pres, Builder, Stanza, stx };
export type { ProtocolErrorCallback, StatusCallback } from './connection.ts';
export type { Backlog, Tab } from './connection-state.ts';
export { Connection } from './connection.ts';
export type { LogLevel } from './constants.ts';
export { Status } from './constants.ts';
export type { Cookie } from './cookies.ts';
export * from './errors.ts';
export type { Fate } from './fates.ts';
export type { Callback, HandlerOptions } from './handlers.ts';
export { Handler } from './handlers.ts';
export type { Gap } from './hooks.ts';
export type { ScramKeys } from './keys.ts';
export type { Log } from './log.ts';
export type { StreamManagementState } from './management.ts';
export { StreamManagement } from './management.ts';
export * from './mechanisms.ts';
export type { BoshOptions, ConnectionOptions } from './options.ts';
export type { FieldValue, FieldValues, Registration } from './registration.ts';
export type { Receipt, Sendable } from './sendable.ts';
export type { Abortable, Patience, Stanzas, StanzaSelector } from './stanzas.ts';
export type { ConnectionPlugin } from './plugins.ts';
export { MemoryStorageBackend, SessionStorageBackend } from './storage.ts';
export { Strophe };
export { TimedHandler } from './timed.ts';

/** The element of text: `Stanza.toElement`. */
export const { toElement: toStanza } = Stanza;

/** What Strophe's builds make global; `epode/strophe` does so, this entry does not. */
export default { Strophe, $build, $iq, $msg, $pres, stx, toStanza };
