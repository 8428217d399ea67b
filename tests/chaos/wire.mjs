// What crossed the wire in a run of chaos, by the numbers of XEP-0198 §4: the verdict tells by these whether
// Epode or the server lost, doubled or disordered a message.

/** The text frames of one direction of a WebSocket, out of its bytes (RFC 6455 §5.2). */
export class Frames {
  #held = Buffer.alloc(0);
  #isUpgraded = false;
  #parts = [];

  /** The texts whose last byte is among these bytes. */
  take(bytes) {
    this.#held = Buffer.concat([this.#held, bytes]);
    if (!this.#isUpgraded) {
      const end = this.#held.indexOf('\r\n\r\n') + 4;
      if (end < 4) return [];
      this.#isUpgraded = true;
      this.#held = this.#held.subarray(end);
    }
    const texts = [];
    for (let frame = this.#next(); frame; frame = this.#next()) {
      const { opcode, isLast, payload } = frame;
      // A control frame may come between the parts of a message.
      if (opcode > 2) continue;
      this.#parts.push(payload);
      if (isLast) texts.push(Buffer.concat(this.#parts.splice(0)).toString());
    }
    return texts;
  }

  #next() {
    const held = this.#held;
    if (held.length < 2) return undefined;
    const short = held[1] & 127;
    const mask = 2 + ({ 126: 2, 127: 8 }[short] ?? 0);
    const start = mask + (held[1] & 128 ? 4 : 0);
    if (held.length < start) return undefined;
    const length = { 126: () => held.readUInt16BE(2), 127: () => held.readUInt32BE(6) }[short]?.() ?? short;
    if (held.length < start + length) return undefined;
    const payload = Buffer.from(held.subarray(start, start + length));
    if (start > mask) payload.forEach((byte, at) => (payload[at] = byte ^ held[mask + (at % 4)]));
    this.#held = held.subarray(start + length);
    return { opcode: held[0] & 15, isLast: held[0] >= 128, payload };
  }
}

/** The stanzas of one direction of a session, each by its number. */
class Numbered {
  #ids = [];
  #next = 0;

  add(id) {
    this.#ids[this.#next++] = id;
  }

  /** The other side has this many: the next is said again, or for the first time. */
  resume(count) {
    this.#next = count;
  }

  /** How many there were, the last of which may not have arrived. */
  get known() {
    return this.#ids.length;
  }

  /** The ids from this number on, also of those that may not have arrived. */
  after(count) {
    return this.#ids.slice(count);
  }

  /** How many the other side has. */
  get next() {
    return this.#next;
  }

  /** The ids in the order of their numbers, as far as the other side has them. */
  ids() {
    return this.#ids.slice(0, this.#next);
  }
}

/** What a message of the run is known by; other stanzas count, and have no name. */
const idOf = (text) => /^<message\s[^>]*?\bid=["']([^"']*:\d+)["']/.exec(text)?.[1] ?? '';
const nameOf = (text) => /^<([\w:]+)/.exec(text)?.[1];
const attribute = (text, name) => new RegExp(`\\s${name}=["']([^"']*)["']`).exec(text)?.[1];

/** All sessions of a run, from the bytes that reached the other end. */
export class Wire {
  /** In the order of their beginning; a stream without stream management is one, too. */
  #sessions = [];
  #streams = new WeakMap();
  /** The session in which each message was said first. */
  #first = new Map();
  /** The messages that were not acknowledged in a session that the server refused to resume. */
  #lost = new Set();
  /** Whether the sessions that begin now are in the place of one that was refused. */
  #isRefused = false;
  /** The sessions for which no answer to `<enable/>` got through. */
  #unanswered = new Set();
  /** The answers of the server that it cannot resume a session, each with what was asked. */
  refusals = [];
  /** What Epode did wrong by the numbers alone. */
  faults = [];

  /** @param {object} connection whatever stands for the connection; `from` is `client` or `server` */
  pass(connection, from, bytes) {
    let stream = this.#streams.get(connection);
    if (!stream) {
      const session = this.#begin();
      // The client counts what it says from `<enable/>` on, and what it hears from the answer on.
      stream = { frames: { client: new Frames(), server: new Frames() }, says: session, hears: session };
      this.#streams.set(connection, stream);
    }
    for (const text of stream.frames[from].take(bytes))
      if (from === 'client') this.#fromClient(stream, text);
      else this.#fromServer(stream, text);
  }

  #begin() {
    const session = {
      sent: new Numbered(),
      delivered: new Numbered(),
      /** The highest count that the server said. */
      acknowledged: 0,
      /** What the worker has heard of that, in rising order: each count, and after how many stanzas. */
      counts: [],
      isInPlace: this.#isRefused,
    };
    this.#sessions.push(session);
    return session;
  }

  #fromClient(stream, text) {
    const name = nameOf(text);
    if (name === 'enable') {
      stream.says = this.#begin();
      this.#unanswered.add(stream.says);
    } else if (name === 'resume') {
      const [id, count] = [attribute(text, 'previd'), Number(attribute(text, 'h'))];
      stream.asked = this.#sessions.find((session) => session.id === id);
      this.#isRefused = false;
      if (!stream.asked) {
        this.faults.push('a session was to be resumed that the server had not begun');
        return;
      }
      const { delivered, counts } = stream.asked;
      if (count > delivered.next)
        this.faults.push(`a resume said ${count} stanzas, and ${delivered.next} had come`);
      delivered.resume(count);
      // What the server said last may have been lost with the connection; not so what a stanza came after.
      stream.asked.counts = counts.filter(({ after }) => after < count);
    } else if (name === 'a') {
      const [count, { next }] = [Number(attribute(text, 'h')), stream.hears.delivered];
      if (count > next) this.faults.push(`an acknowledgement said ${count} stanzas, and ${next} had come`);
    } else if (isStanza(name)) this.#say(stream.says, idOf(text));
  }

  #say(session, id) {
    const { sent } = session;
    const number = sent.next;
    sent.add(id);
    if (!id) return;
    const isSettled = (one) => {
      const before = one.sent.ids().slice(0, certainOf(one)).indexOf(id);
      return before !== -1 && (one !== session || before !== number);
    };
    if (!this.#first.has(id)) this.#first.set(id, session);
    else if (this.#sessions.some(isSettled))
      this.faults.push(`${id} was said again, and the server had acknowledged it`);
  }

  #fromServer(stream, text) {
    const name = nameOf(text);
    const { asked } = stream;
    if (name === 'enabled') {
      stream.hears = stream.says;
      this.#unanswered.delete(stream.says);
      if (/^(1|true)$/.test(attribute(text, 'resume'))) stream.hears.id = attribute(text, 'id');
    } else if (name === 'resumed') {
      stream.says = stream.hears = asked;
      asked.sent.resume(Number(attribute(text, 'h')));
      this.#acknowledge(asked, text);
    } else if (name === 'failed' && asked) {
      const { known, next } = asked.delivered;
      this.refusals.push(`${text}, after ${known} stanzas, of which the client had ${next}`);
      const count = attribute(text, 'h');
      if (count !== undefined) asked.sent.resume(Number(count));
      this.#acknowledge(asked, text);
      this.#isRefused = true;
      for (const id of asked.sent.after(certainOf(asked))) this.#lost.add(id);
    } else if (name === 'a') this.#acknowledge(stream.hears, text);
    else if (isStanza(name)) stream.hears.delivered.add(idOf(text));
  }

  #acknowledge(session, text) {
    const h = Number(attribute(text, 'h') ?? 0);
    session.acknowledged = Math.max(session.acknowledged, h);
    if (h > certainOf(session)) session.counts.push({ h, after: session.delivered.next });
  }

  /** How many sessions are over, and nobody could resume them, since their name did not get through. */
  get nameless() {
    return this.#nameless.length;
  }

  get #nameless() {
    return [...this.#unanswered].filter((session) => session !== this.#sessions.at(-1));
  }

  /** The ids of the messages that reached the worker, in order, each as often as it came. */
  delivered() {
    return this.#sessions.flatMap(({ delivered }) => delivered.ids()).filter(Boolean);
  }

  /** The ids of the messages that the worker said, in the order of their numbers. */
  sent() {
    return this.#sessions.flatMap(({ sent }) => sent.ids()).filter(Boolean);
  }

  /** The ids of the messages for which the server said that it has them. */
  acknowledged() {
    return this.#upTo(({ acknowledged }) => acknowledged);
  }

  /** The same, as far as the worker has heard it for certain. */
  certain() {
    return this.#upTo(certainOf);
  }

  /** Whether the worker may not know what became of a message: a session was lost with it. */
  mayReport(id) {
    if (this.#nameless.some(({ sent }) => sent.ids().includes(id))) return true;
    if (this.refusals.length === 0) return false;
    // The message may have been said in the session before, and not have got through.
    return this.#lost.has(id) || (this.#first.get(id)?.isInPlace ?? true);
  }

  #upTo(count) {
    const ids = this.#sessions.flatMap((session) => session.sent.ids().slice(0, count(session)));
    return new Set(ids.filter(Boolean));
  }
}

/** How many stanzas the worker knows that the server has. */
const certainOf = ({ counts }) => counts.at(-1)?.h ?? 0;
const isStanza = (name) => ['message', 'presence', 'iq'].includes(name);
