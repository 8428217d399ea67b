// A session over BOSH: the login, a stanza on an idle line, a paced downlink, and an uplink in one task.

import { setTimeout as pause } from 'node:timers/promises';

import { median } from '../statistics.mjs';

export const sources = ['bosh'];
const TIMES = 8;
/** For how many milliseconds a line is left idle. */
const QUIET = 700;
const UPLINK = 500;

export async function measure(world) {
  const login = await repeated(world, logsIn);
  const idle = await repeated(world, idleLine);
  const before = world.source.requests();
  const { delays } = await world.drip({ perSecond: 10, seconds: 10 * world.effort });
  const requests = (world.source.requests() - before) / delays.length;
  return {
    'BOSH login': login,
    'BOSH idle line': idle,
    'BOSH latency p50': median(delays),
    'BOSH requests': requests,
    'BOSH uplink': UPLINK / (await sends(world, UPLINK)),
  };
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

/** The milliseconds from `send` on a line that has been idle until the contact has the stanza. */
async function idleLine(world) {
  await pause(QUIET);
  return 1_000 * (await sends(world, 1));
}

/** The seconds from `send` in one task until the contact has all. */
async function sends(world, count) {
  const received = world.source.received(count);
  const [tab] = world.tabs;
  const begun = await tab.ask('send', { to: world.source.contact, body: 'Wherefore art thou?', count });
  return ((await received) - begun) / 1_000;
}
