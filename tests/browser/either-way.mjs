// Tests that run in each browser, with and without a worker, against a scripted server.

import { after, before, describe } from 'node:test';

import { BROWSERS } from './browsers.mjs';
import { ownWorker } from './life.mjs';
import { startScripted } from './scripted.mjs';
import { Stage } from './stage.mjs';

/**
 * Declares the tests of a file for each combination.
 * @param {(place: { isShared: boolean, serve: (t: object, how?: object) => Promise<[object, ...object[]]>
 * }) => void} declare `serve` starts a scripted server and opens `count` tabs (default 1) with these
 * `options`, in a scene that is `quiet` or not (see Stage); other properties go to the server
 */
export function eitherWay(declare) {
  for (const name of BROWSERS) {
    for (const isShared of [true, false]) {
      describe(`in ${name}, ${isShared ? 'with' : 'without'} a worker`, () => {
        let stage;
        before(async () => (stage = await Stage.open(name, null)));
        after(() => stage?.close());

        const serve = async (t, { count = 1, options, quiet, ...how } = {}) => {
          const server = await startScripted(how);
          t.after(() => server.stop());
          const scene = await stage.scene(t, { service: server.ws, quiet });
          const given = isShared ? ownWorker(options) : { options: { worker: '', ...options } };
          return [server, ...(await Promise.all(Array.from({ length: count }, () => scene.open(given))))];
        };
        declare({ isShared, serve });
      });
    }
  }
}
