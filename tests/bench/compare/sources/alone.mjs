// How fast a source is when nobody holds it up: what no contestant can outrun.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { mark, message } from '../stanzas.mjs';

/** The reader is compiled while it reads; the last flood counts. */
const FLOODS = 4;

/** Stanzas per second by size, read by a client that only counts. The source is stopped. */
export async function alone(source, stanzas) {
  const { service, jid, password } = source.account;
  const reader = fork(fileURLToPath(new URL('reader.mjs', import.meta.url)), [
    service,
    jid,
    password,
    source.contact,
  ]);
  const rates = {};
  try {
    await source.received(1);
    for (const [label, size] of Object.entries(source.sizes)) {
      for (let flood = 0; flood < FLOODS; flood++) {
        const send = source.prepare([
          ...Array.from({ length: stanzas }, (_, number) => message({ to: jid, number, size })),
          mark(jid),
        ]);
        const begun = performance.timeOrigin + performance.now();
        send();
        const [{ count, at }] = await once(reader, 'message');
        if (count !== stanzas)
          throw new Error(`the source ${source.name} has sent ${count} of ${stanzas} stanzas`);
        rates[label] = (stanzas / (at - begun)) * 1_000;
      }
    }
  } finally {
    reader.kill();
    await source.stop();
  }
  return rates;
}
