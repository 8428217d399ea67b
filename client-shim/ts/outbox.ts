/**
 * What a tab sends and asks, from the call to its receipt or answer. Every one of them ends, whatever becomes
 * of the link.
 *
 * What is sent within one task leaves together at its end. Order holds: what is asked leaves behind what was
 * sent before.
 */
import { NS } from './constants.ts';
import { toElement } from './element.ts';
import { DisconnectedError, RefusedError, StanzaError, TimeoutError, XmppError } from './errors.ts';
import { Fates } from './fates.ts';
import { isHeard, type Observed } from './hooks.ts';
import { say, type Command } from './link.ts';
import { error, guarded } from './log.ts';
import type { Fate } from '../../port/ts/protocol/Fate.ts';
import type { Fault } from '../../port/ts/protocol/Fault.ts';
import type { Outcome } from '../../port/ts/protocol/Outcome.ts';
import { type Question, type Receipt, Unsent, Written } from './sendable.ts';
import { later } from './timed.ts';

/** Where what an app throws is thrown. */
const CALLBACK = 'the callback of sendIQ';

/** The rule that what has no session cannot be sent, as the worker calls it. */
const UNCONNECTED = 'not-connected';

/** What comes of sending nothing. */
const NOTHING = new Written(() => Promise.resolve({ status: 'acknowledged' }));

/** An element of stream management (XEP-0198). */
const MANAGEMENT = /^\s*<[^<>]*urn:xmpp:sm:/;

/** A stanza that is to be sent. */
interface Letter {
  text: string;
  receipt: (receipt: Receipt) => void;
}

/** The sends and questions of one connection. */
export class Outbox {
  /** Whether everything is held back. */
  paused = false;
  /** What is to be sent and asked. */
  #waiting: (Letter | Command)[] = [];
  readonly #receipts = new Map<number, (receipt: Receipt) => void>();
  #fates = this.#newFates();
  readonly #questions = new Map<number, Question>();
  readonly #hooks: Observed;
  readonly #run: (command: Command) => void;
  readonly #before: () => void;

  /**
   * @param run carries out a command, or fails it where there is no link
   * @param before is called before anything leaves
   */
  constructor(hooks: Observed, run: (command: Command) => void, before: () => void) {
    this.#hooks = hooks;
    this.#run = run;
    this.#before = before;
  }

  /**
   * Sends stanzas.
   *
   * @returns what became of the last
   */
  send(texts: readonly string[]): Promise<Receipt> {
    let last: Promise<Receipt> = Promise.resolve(NOTHING);
    for (const text of texts) {
      this.#show(text);
      last = new Promise((receipt) => this.#waiting.push({ text, receipt }));
      // Stream management is the worker's: what an app has of it goes without a word.
      if (!MANAGEMENT.test(text)) void last.then(reportFailure);
    }
    if (texts.length > 0) queueMicrotask(() => this.flush());
    return last;
  }

  /** Asks an IQ. */
  ask(text: string, timeout: number | undefined, question: Question): void {
    this.#show(text);
    let rest = (): number | undefined => timeout;
    const command: Command = {
      run: (tab) => {
        if (question.signal?.aborted) return;
        const token = tab.number(1);
        this.#questions.set(token, question);
        say({ Request: { token, text, timeout: whole(rest()) } }).run(tab);
      },
      fail: (text) => refuse(question, { condition: UNCONNECTED, text }),
    };
    this.#waiting.push(command);
    this.flush();
    if (!timeout || !this.#waiting.includes(command)) return;
    // Its time runs also while it is held back.
    const end = performance.now() + timeout;
    rest = () => Math.max(1, end - performance.now());
    later(timeout, () => {
      if (!this.#waiting.includes(command)) return;
      this.#waiting = this.#waiting.filter((waiting) => waiting !== command);
      fail(question, late());
    });
  }

  /** Sends what waits, unless it is held back. */
  flush(): void {
    if (this.paused) return;
    this.#before();
    const batch: Letter[] = [];
    for (const waiting of this.#waiting.splice(0)) {
      if ('text' in waiting) {
        batch.push(waiting);
      } else {
        this.#post(batch.splice(0));
        this.#run(waiting);
      }
    }
    this.#post(batch);
  }

  /** Everything up to this one was written. */
  written(upTo: number): void {
    const fates = this.#fates;
    fates.written(upTo);
    for (const [token, receipt] of this.#receipts) {
      if (token > upTo) break;
      this.#receipts.delete(token);
      receipt(new Written(() => fates.of(token)));
    }
  }

  /** What became of this one, or of everything up to this one, after it was written. */
  told(token: number, fate: Fate): void {
    this.#fates.told(token, fate);
  }

  /** Another worker takes the place of the one that everything was written by. */
  reopened(): void {
    this.#fates.lose('the worker died before the server had acknowledged this');
  }

  /** This one was not. */
  failed(token: number, { condition, text }: Fault): void {
    this.#receipts.get(token)?.(new Unsent(condition, text));
    this.#receipts.delete(token);
  }

  /** A question is answered; or no answer comes, for the time is up, or the session; or it was not asked. */
  ended(token: number, outcome: Outcome<string>, read: (text: string) => Element | undefined): void {
    const [text, isError] = answerOf(outcome);
    // Handlers hear it first.
    const answer = text === undefined ? undefined : read(text);
    const question = this.#questions.get(token);
    this.#questions.delete(token);
    if (outcome === 'Timeout') fail(question, late());
    else if (outcome === 'Disconnected') fail(question, disconnected());
    else if ('Lost' in outcome)
      fail(question, new DisconnectedError(outcome.Lost.text, outcome.Lost.condition));
    else if ('Refused' in outcome) refuse(question, outcome.Refused);
    else if (!answer) fail(question, new XmppError('an inbound stanza could not be read'));
    else if (isError) fail(question, new StanzaError(answer));
    else guarded(() => question?.ok(answer), CALLBACK);
  }

  /** What was to be sent in this session is not sent in another. */
  discard(): void {
    const reason = 'there is no connection';
    for (const waiting of this.#waiting.splice(0)) {
      if ('text' in waiting) waiting.receipt(unsent(reason));
      else queueMicrotask(() => waiting.fail?.(reason));
    }
  }

  /**
   * The link was let go of: whoever waits for something from it hears, a little later, that it does not come.
   */
  lose(): void {
    const receipts = taken(this.#receipts);
    const questions = taken(this.#questions);
    this.#fates.end('the connection was left before the server had acknowledged this');
    this.#fates = this.#newFates();
    queueMicrotask(() => {
      for (const receipt of receipts)
        receipt(unsent('the connection was left; whether this was sent is not known'));
      for (const question of questions) fail(question, disconnected());
    });
  }

  #newFates(): Fates {
    return new Fates(() => this.#run(say('Follow')));
  }

  #post(batch: Letter[]): void {
    if (batch.length === 0) return;
    this.#run({
      run: (tab) => {
        const first = tab.number(batch.length);
        batch.forEach(({ receipt }, index) => this.#receipts.set(first + index, receipt));
        const stanzas = batch.map(({ text }, index) => ({ token: first + index, text }));
        say({ Send: { stanzas } }).run(tab);
      },
      fail: (text) => batch.forEach(({ receipt }) => receipt(unsent(text))),
    });
  }

  #show(text: string): void {
    const shown = this.#hooks._proto._around(text, true);
    if (isHeard(this.#hooks, 'rawOutput')) guarded(() => this.#hooks.rawOutput(shown), 'rawOutput');
    if (isHeard(this.#hooks, 'xmlOutput'))
      guarded(() => this.#hooks.xmlOutput(toElement(shown)), 'xmlOutput');
  }
}

/** What is in the map; nothing is afterwards. */
export function taken<V>(map: Map<number, V>): V[] {
  const values = [...map.values()];
  map.clear();
  return values;
}

/** A time limit as the protocol has it. */
function whole(timeout: number | undefined): number | null {
  return timeout === undefined ? null : Math.min(Math.max(timeout, 0), 2 ** 32 - 1) >>> 0;
}

/** The text of the answer, if there is one, and whether it is an error. */
function answerOf(outcome: Outcome<string>): [text?: string, isError?: boolean] {
  if (typeof outcome === 'string' || 'Refused' in outcome || 'Lost' in outcome) return [];
  return 'Error' in outcome ? [outcome.Error, true] : [outcome.Result, false];
}

/** An IQ that was not sent: its callback hears the rule as it would hear it from a server (RFC 6120 §8.3). */
function refuse(question: Question | undefined, { condition, text }: Fault): void {
  if (!question) return;
  error(`an iq was not sent: ${condition}`);
  const refusal = toElement(
    `<iq xmlns="${NS.CLIENT}" type="error"><error type="modify"><bad-request xmlns="${NS.STANZAS}"/><text xmlns="${NS.STANZAS}"/></error></iq>`,
  );
  refusal.setAttribute('id', question.id);
  const [rule] = refusal.getElementsByTagName('text');
  rule?.append(`${condition}: ${text}`);
  const Failure = condition === UNCONNECTED ? DisconnectedError : RefusedError;
  fail(question, new Failure(text, condition, refusal));
}

function fail(question: Question | undefined, failure: XmppError): void {
  guarded(() => question?.err(failure), CALLBACK);
}

function unsent(text: string): Receipt {
  return new Unsent(UNCONNECTED, text);
}

function late(): XmppError {
  return new TimeoutError('no answer came in time');
}

function disconnected(): XmppError {
  return new DisconnectedError('the session is over', UNCONNECTED);
}

function reportFailure(receipt: Receipt): void {
  if (receipt.status === 'failed') error(`a stanza was not sent: ${receipt.condition}`);
}
