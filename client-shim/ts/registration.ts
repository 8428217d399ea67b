/**
 * Registration in band (XEP-0077): an app asks a server for its form and hands it in, on a stream of this
 * page alone, before any login. No session is touched.
 */
import { $iq, type Treelike } from './builder.ts';
import { LogLevel, Status } from './constants.ts';
import { parseStanza } from './element.ts';
import { ConnectionError, DisconnectedError, StanzaError, type XmppError } from './errors.ts';
import { getDomainFromJid } from '../../port/ts/jid.ts';
import { Link, say, type Told } from './link.ts';
import { tell } from './log.ts';
import type { ConnectionOptions } from './options.ts';
import type { Options } from '../../port/ts/protocol/Options.ts';
import { upper } from './participation.ts';
import { failureOf } from './ready.ts';
import { ownAddress, resolveService } from './service.ts';
import { type Abortable, reasonOf } from './stanzas.ts';

/** The namespaces of the form: of XEP-0077, and of data forms (XEP-0004). */
const REGISTER = 'jabber:iq:register';
const DATA = 'jabber:x:data';

/** The names of this machine. */
const LOOPBACK = /^(.+\.)?localhost$|^127\.|^\[::1\]$/;

/** The value of a field: as XEP-0004 has it, several for a field that takes several. */
export type FieldValue = string | number | boolean;

/** What is entered in a form, by the names of the fields. */
export interface FieldValues {
  readonly [name: string]: FieldValue | readonly FieldValue[];
}

/** A form that a server wants filled in before it makes an account. */
export class Registration {
  /**
   * The server's `<query/>`: its `<instructions/>` and an empty element for each field, or a data form
   * (XEP-0004), perhaps with a captcha, or the address of a page to register at (XEP-0066).
   */
  readonly form: Element;
  readonly #stream: Stream;

  /** Made by `Connection.register`. */
  private constructor(form: Element, stream: Stream) {
    this.form = form;
    this.#stream = stream;
  }

  /** Asks for the form: for `Connection.register`. */
  static async _begin(
    service: string,
    server: string,
    { worker, protocol }: ConnectionOptions,
    session: Options,
    { signal }: Abortable,
  ): Promise<Registration> {
    const address = addressOf(service, protocol, session.listed);
    if (signal?.aborted) throw reasonOf(signal);
    const stream = new Stream(worker, address, getDomainFromJid(server), session);
    const abort = (): void => stream.end(reasonOf(signal));
    signal?.addEventListener('abort', abort);
    try {
      await stream.opened;
      const answer = await stream.ask('get', (iq) => iq.c('query', { xmlns: REGISTER }));
      const form = childOf(answer, REGISTER);
      if (!form) throw new ConnectionError('the server sent no form to register with');
      return new Registration(form, stream);
    } catch (failure) {
      stream.end(failure);
      throw failure;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  /**
   * Hands the form in. Fulfilled when the account exists: then `connect` logs in to it, and this registration
   * is over.
   *
   * Rejected with a {@link StanzaError} if the server refuses: `conflict` if the user name is taken,
   * `not-acceptable` if a field is missing or its value not allowed, `resource-constraint` if it is too early
   * for another account, and what else `text` says. Then the form can be handed in again, unless the server
   * wants another captcha. Rejected with another {@link XmppError} if the stream is over: it is closed after
   * a minute.
   *
   * @param values by the names of the fields; what a data form has in its fields already is added. Or the
   * whole `<query/>`, as an element or a builder
   */
  async submit(values: FieldValues | Element | Treelike): Promise<void> {
    await this.#stream.ask('set', (iq) => {
      if (isWhole(values)) return iq.cnode(values);
      iq.c('query', { xmlns: REGISTER });
      const form = childOf(this.form, DATA);
      if (!form) return entered(iq, values);
      iq.c('x', { xmlns: DATA, type: 'submit' });
      for (const [name, given] of Object.entries({ ...valuesOf(form), ...values })) {
        iq.c('field', { var: name });
        for (const value of [given].flat()) iq.c('value', null, String(value));
        iq.up();
      }
      return iq;
    });
    this.close();
  }

  /** Closes the stream: nothing is registered any more. */
  close(): void {
    this.#stream.end(new DisconnectedError('the registration was closed'));
  }
}

/** A stream of this page alone, on which nobody has logged in. */
class Stream {
  /** Fulfilled when the server has opened the stream, too. */
  readonly opened: Promise<void>;
  readonly #link: Link;
  readonly #domain: string;
  #open!: () => void;
  /** Who waits for something, and hears of the end. */
  readonly #waiting = new Set<(failure: unknown) => void>();
  readonly #answers = new Map<string, (answer: Element) => void>();
  #failure: XmppError | undefined;
  #ended: { why: unknown } | undefined;
  #count = 0;

  constructor(worker: string | URL | undefined, service: string, domain: string, options: Options) {
    this.#domain = domain;
    this.opened = this.#promise((open: () => void) => (this.#open = open));
    const over = (reason: string): void => this.end(new ConnectionError(reason));
    const nothing = (): void => {};
    this.#link = new Link(
      worker,
      // A name of its own: the page before a reload stood elsewhere.
      `register ${service}`,
      {
        told: (message) => this.#told(message),
        unlinked: over,
        reopened: () => over('the worker died'),
        revived: () => over('the page was left'),
        challenged: () => Promise.reject(new Error('nobody logs in here')),
        stanza: nothing,
        caught: nothing,
        claimed: nothing,
      },
      undefined,
    );
    this.#link.join(say({ Negotiate: { service, jid: domain, options } }));
  }

  /** Asks the server, and hears its result. */
  ask(type: 'get' | 'set', fill: (iq: ReturnType<typeof $iq>) => unknown): Promise<Element> {
    return this.#promise((ok, err) => {
      const id = `register-${++this.#count}`;
      const iq = $iq({ type, id, to: this.#domain });
      fill(iq);
      this.#answers.set(id, (answer) =>
        answer.getAttribute('type') === 'error' ? err(new StanzaError(answer)) : ok(answer),
      );
      this.#link.run(say({ Frame: { text: iq.toString() } }));
    });
  }

  /** Closes the stream, if it is open. */
  end(why: unknown): void {
    if (this.#ended) return;
    this.#ended = { why };
    this.#link.leave();
    for (const fail of this.#waiting) fail(why);
  }

  /** A promise that is rejected when the stream ends. */
  #promise<T>(make: (ok: (value: T) => void, err: (failure: unknown) => void) => void): Promise<T> {
    const promise = new Promise<T>((ok, err) => {
      if (this.#ended) return err(this.#ended.why);
      this.#waiting.add(err);
      make(ok, err);
    });
    // Whoever waits for another promise hears of the same end.
    promise.catch(() => {});
    return promise;
  }

  #told(message: Told): void {
    if (typeof message === 'string') return;
    if ('Log' in message) tell(LogLevel[upper(message.Log.level)], message.Log.text);
    else if ('Frame' in message) this.#heard(message.Frame.text);
    else if ('Status' in message) {
      const { code, condition, text } = message.Status;
      this.#failure ??= failureOf(Status[upper(code)], text, condition);
      if (code === 'Disconnected') this.end(this.#failure);
    }
  }

  #heard(text: string): void {
    // The features come first.
    this.#open();
    const element = parseStanza(text);
    if (element.localName === 'iq') this.#answers.get(element.getAttribute('id') ?? '')?.(element);
  }
}

/**
 * The address of the service. The password of an account is as little for others to read as that of a login:
 * without encryption it goes to this machine alone, unless the app named its mechanisms.
 */
function addressOf(service: string, protocol: ConnectionOptions['protocol'], named: boolean): string {
  let address: URL;
  try {
    address = new URL(resolveService(service, protocol, ownAddress()));
  } catch (thrown) {
    throw new ConnectionError((thrown as Error).message);
  }
  const isOpen = /^(ws|http):$/.test(address.protocol) && !LOOPBACK.test(address.hostname);
  if (isOpen && !named)
    throw new ConnectionError('without encryption no password is sent', 'plaintext-refused');
  return address.href;
}

/** What is in a form of XEP-0077 without a data form. */
function entered(iq: ReturnType<typeof $iq>, values: FieldValues): void {
  for (const [name, value] of Object.entries(values)) iq.c(name, null, String(value));
}

/** What a data form has already, of fields that are hidden or have a value to begin with. */
function valuesOf(form: Element): FieldValues {
  const values: Record<string, string[]> = {};
  for (const field of form.children) {
    const name = field.getAttribute('var');
    const own = [...field.children].filter(({ localName }) => localName === 'value');
    if (name && own.length > 0 && field.getAttribute('type') !== 'fixed')
      values[name] = own.map(({ textContent }) => textContent ?? '');
  }
  return values;
}

function childOf(element: Element, namespace: string): Element | undefined {
  return [...element.children].find(({ namespaceURI }) => namespaceURI === namespace);
}

function isWhole(values: FieldValues | Element | Treelike): values is Element | Treelike {
  return 'nodeType' in values || typeof values['tree'] === 'function';
}
