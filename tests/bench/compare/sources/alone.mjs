// The rate of a source with a reader that only counts, which no contestant can exceed.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { mark, message } from '../stanzas.mjs';

/** The reader is compiled during the first floods; the last one counts. */
const FLOODS = 4;

/** Stanzas per second by size. Stops the source. */
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
