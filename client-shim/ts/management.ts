/** What apps see of stream management (XEP-0198), by Strophe's names. */
import type { SessionInfo } from '../../port/ts/protocol/SessionInfo.ts';

/** The place of the id of the stream, which no page has. Apps ask whether there is one. */
const ID = 'epode';

/** The offer of a server, among its features. */
const OFFER = / xmlns=["']urn:xmpp:sm:3["']/;

/** The state of a stream, as Strophe names the fields. The worker counts and keeps: numbers are 0 here. */
export interface StreamManagementState {
  /** Whether the worker has asked the server to manage the stream. */
  readonly enableSent: boolean;
  /** Whether the server manages the stream. */
  readonly enabled: boolean;
  /** Whether the stream resumed the session before. */
  readonly resumed: boolean;
  /** The same as `enabled`. Whether the server lets a lost session be resumed, the worker alone knows. */
  readonly resumeSupported: boolean;
  /** A fixed word while stream management is on, else empty: no page needs the id of the stream. */
  readonly id: string;
  /** The full JID of the session; empty without stream management. */
  readonly boundJid: string;
  /** Always 0. */
  readonly max: number;
  /** Always empty. */
  readonly location: string;
  /** Always 0. */
  readonly hIn: number;
  /** Always 0. */
  readonly hOutAcked: number;
  /** Always empty. */
  readonly unacked: readonly never[];
  /** Always 0. */
  readonly sinceLastAck: number;
}

/** Stream management of one connection: to be read, and with hooks to be overridden. The worker does it. */
export class StreamManagement {
  #serverSupported = false;
  #enabled = false;
  #resumed = false;
  #boundJid = '';

  /** Whether the server offers stream management. */
  get serverSupported(): boolean {
    return this.#serverSupported;
  }

  /** Whether the server acknowledges stanzas of this session. */
  get enabled(): boolean {
    return this.#enabled;
  }

  /** Whether the stream of this session resumed the one before. */
  get resumed(): boolean {
    return this.#resumed;
  }

  /** The full JID of the session; empty without stream management. */
  get boundJid(): string {
    return this.#boundJid;
  }

  /** Always `false`: the worker resumes. */
  get resumePending(): boolean {
    return false;
  }

  /** The state of the stream: a copy, which does not change. */
  get state(): StreamManagementState {
    const isOn = this.#enabled;
    return Object.freeze({
      enableSent: isOn,
      enabled: isOn,
      resumed: this.#resumed,
      resumeSupported: isOn,
      id: isOn ? ID : '',
      boundJid: this.#boundJid,
      max: 0,
      location: '',
      hIn: 0,
      hOutAcked: 0,
      unacked: [],
      sinceLastAck: 0,
    });
  }

  /** Is called when the server manages a new session, after CONNECTED or ATTACHED. */
  onEnabled(): void {}
  /** Is called when a session was resumed, before CONNECTED. */
  onResumed(): void {}
  /**
   * Is called when a session was lost and not resumed, before the CONNECTED of the next; and when the server
   * refuses to manage the stream.
   *
   * @param _view always `undefined`: the page does not see what the server says
   * @param _resumeFailed whether a session was lost
   */
  onFailed(_view?: undefined, _resumeFailed?: boolean): void {}

  /**
   * The session is up. The hooks that the app is called with before the status, and after: for this package.
   */
  _up(
    { managed, resumed, jid, features }: SessionInfo,
    isJoined: boolean,
  ): [before?: (() => void) | undefined, after?: (() => void) | undefined] {
    const wasLost = this.#enabled && !resumed;
    this.#serverSupported = managed || OFFER.test(features);
    this.#enabled = managed;
    this.#resumed = resumed;
    this.#boundJid = managed ? jid : '';
    if (resumed && !isJoined) return [() => this.onResumed()];
    return [
      wasLost ? () => this.onFailed(undefined, true) : undefined,
      managed ? () => this.onEnabled() : undefined,
    ];
  }

  /** The server does not manage the stream after all. */
  _unmanaged(): void {
    // Whether the stream resumed the session stays as it was.
    this.#enabled = false;
    this.#boundJid = '';
    this.onFailed(undefined, false);
  }

  /** The session is over. */
  _over(): void {
    this.#enabled = this.#resumed = false;
    this.#boundJid = '';
  }
}
