// A tab of the benchmark: carries out the harness's commands, which come over a socket of its own,
// with the contestant that its address names. No debugger is attached, since that costs a page with
// a WebSocket more than the library under test does.

/** The milliseconds from the opening of the tab until this script runs. */
const opened = performance.now();
const { searchParams } = new URL(location.href);
const control = new WebSocket(searchParams.get('control'));
/** The time on the clock that server and tabs share. */
const now = () => performance.timeOrigin + performance.now();

/** Texts that identify the mark, and the messages of a flood. */
const MARK = 'urn:epode:bench';
const FLOOD = 'type="chat"';

let contestant;
let isConstructed = false;
/** Functions that remove the current handlers. */
const listening = [];
let run;

const commands = {
  /** Loads the contestant; returns the milliseconds that this took, and those before. */
  async load() {
    const { default: load } = await import(`./contestants/${searchParams.get('contestant')}.js`);
    const loaded = await timed(async () => (contestant = await load()));
    return { opened, loaded };
  },

  /** Makes the connection, as an app may do some time before it connects. */
  construct(account) {
    contestant.construct(account);
    isConstructed = true;
  },

  /**
   * Connects; returns the milliseconds until the session is up. They begin with the construction of
   * the connection if `construct` has not been called: both are then in one task.
   */
  connect: (account) =>
    timed(() => {
      if (!isConstructed) commands.construct(account);
      return contestant.connect(account);
    }),

  /**
   * Listens to a flood that ends with a mark: `elements` counts stanzas in a handler, `delays` also
   * notes their delays, `texts` counts frames as text, `nothing` listens to the mark alone.
   * `finished` resolves at the mark.
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

  /** Sends messages in one task; returns the time of its beginning. */
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
