// A tab of the benchmark: does what the harness asks over a socket of its own, with the contestant that its
// address names. No debugger is attached to it, since that costs a page with a WebSocket more than the
// library under test does.

/** How long the page itself took, from the click on. */
const opened = performance.now();
const { searchParams } = new URL(location.href);
const control = new WebSocket(searchParams.get('control'));
/** The clock of the server, too. */
const now = () => performance.timeOrigin + performance.now();

/** What a flood carries, and what stands behind it. */
const MARK = 'urn:epode:bench';
const FLOOD = 'type="chat"';

let contestant;
/** What listens now: to be called to end it. */
let listening = [];
let run;

const commands = {
  /** Loads what the contestant loads; answers with the milliseconds that this took, and the page before. */
  async load() {
    const { default: load } = await import(`./contestants/${searchParams.get('contestant')}.js`);
    const loaded = await timed(async () => (contestant = await load()));
    return { opened, loaded };
  },

  /** Connects; answers with the milliseconds until the session can be used. */
  connect: (account) => timed(() => contestant.connect(account)),

  /**
   * Listens to a flood that ends with a mark: `elements` counts stanzas that a handler is given, `texts`
   * frames as they came, `nothing` listens to the mark alone. `finished` answers when the mark has come.
   */
  listen({ as, type }) {
    for (const stop of listening.splice(0)) stop();
    run = { handled: 0, disordered: 0, last: -1, delays: [] };
    run.done = new Promise((finish) => (run.finish = finish));
    const finish = () =>
      run.finish({ handled: run.handled, disordered: run.disordered, delays: run.delays, at: now() });
    if (as === 'texts') {
      contestant.hearText((text) => {
        if (text.includes(FLOOD)) run.handled++;
        else if (text.includes(MARK)) finish();
      });
      return;
    }
    if (as === 'elements') listening.push(contestant.hear({ type }, count));
    if (as === 'delays') listening.push(contestant.hear({ type }, delay));
    listening.push(contestant.hear({ type: 'normal', ns: MARK }, finish));
  },

  finished: () => run.done,

  /** Sends messages, all in one task; answers with the moment at which it began. */
  send(stanzas) {
    const begun = now();
    contestant.send(stanzas);
    return begun;
  },
};

function count(element) {
  const number = Number(element.getAttribute('id').slice(1));
  run.handled++;
  if (number <= run.last) run.disordered++;
  run.last = number;
}

function delay(element) {
  count(element);
  run.delays.push(now() - run.last);
}

async function timed(work) {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

control.onmessage = async ({ data }) => {
  const { id, command, argument } = JSON.parse(data);
  try {
    control.send(JSON.stringify({ id, value: (await commands[command](argument)) ?? null }));
  } catch (error) {
    control.send(JSON.stringify({ id, error: String(error?.stack ?? error) }));
  }
};
addEventListener('error', ({ message }) => control.send(JSON.stringify({ error: message })));
addEventListener('unhandledrejection', ({ reason }) =>
  control.send(JSON.stringify({ error: String(reason) })),
);
