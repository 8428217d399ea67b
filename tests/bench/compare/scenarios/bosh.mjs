// A session over BOSH: the login, a stanza on an idle line, a paced downlink, and an uplink in one task.

import { setTimeout as pause } from 'node:timers/promises';

import { median } from '../statistics.mjs';

export const sources = ['bosh'];
const TIMES = 8;
/** For how many milliseconds a line is left idle. */
const QUIET = 700;
const UPLINK = 500;
/** A drip has a message up before its stanzas, and a mark down after them: a request each. */
const MARKS = 2;

export async function measure(world) {
  const login = await repeated(world, logsIn);
  const idle = await repeated(world, idleLine);
  const { delays, requests } = await drips(world);
  const uplink = await sends(world, UPLINK);
  return {
    'BOSH login': login,
    'BOSH idle line': 1_000 * idle,
    'BOSH latency p50': median(delays),
    'BOSH requests': requests / delays.length,
    'BOSH uplink': UPLINK / uplink.taken,
    'BOSH uplink, delivered': UPLINK / uplink.delivered,
  };
}

/** The delays of a paced downlink, and the requests for its stanzas. */
async function drips(world) {
  await pause(QUIET);
  const before = world.source.requests();
  const { delays } = await world.drip({ perSecond: 10, seconds: 10 * world.effort });
  // After this time the server holds the next request of either contestant.
  await pause(QUIET);
  return { delays, requests: world.source.requests() - before - MARKS };
}

async function repeated(world, measured) {
  const values = [];
  for (let time = 0; time < TIMES * world.effort; time++) values.push(await measured(world));
  return median(values);
}

/** The milliseconds from `new Connection` until the first tab of a visitor is CONNECTED. */
async function logsIn(world) {
  const profile = await world.browser.visitor();
  const { connected } = await world.timeTab({ profile });
  await profile.leave();
  return connected;
}

/** The seconds from `send` on a line that has been idle until the contact has the stanza. */
async function idleLine(world) {
  await pause(QUIET);
  return (await sends(world, 1)).delivered;
}

/** The seconds from `send` in one task until the server has all that was sent, and until the contact has. */
async function sends(world, count) {
  const taken = world.source.taken(count);
  const received = world.source.received(count);
  const [tab] = world.tabs;
  const begun = await tab.ask('send', { to: world.source.contact, body: 'Wherefore art thou?', count });
  const seconds = async (end) => ((await end) - begun) / 1_000;
  return { taken: await seconds(taken), delivered: await seconds(received) };
}
