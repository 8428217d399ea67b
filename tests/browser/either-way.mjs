// Tests that hold in each browser, with a worker and without, in front of a server of their own.

import { after, before, describe } from 'node:test';

import { BROWSERS } from './browsers.mjs';
import { ownWorker } from './life.mjs';
import { startScripted } from './scripted.mjs';
import { Stage } from './stage.mjs';

/**
 * Declares the tests of a file in every such place.
 * @param {(place: { isShared: boolean, serve: (t: object, how?: object) => Promise<[object, ...object[]]> })
 * => void} declare `serve` starts a scripted server and opens `count` tabs, one by default, with these
 * `options`; the scene is `quiet` or not (see Stage), and the rest is for the server
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
