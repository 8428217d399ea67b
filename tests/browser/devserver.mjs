// The scripted server of the demo: XMPP over a WebSocket and over BOSH, with accounts of its own.

import { keep, until } from '../servers/keeper.mjs';

/** Starts the server on a free port of loopback. */
export async function startDevserver() {
  const run = ['cargo', 'run', '--quiet', '--package', 'epode-devserver', '--', '--port', '0'];
  const kept = keep(run);
  const address = () => /^listening on http:\/\/(\S+?)\/?$/m.exec(kept.log())?.[1];
  const host = await until(address, { what: "the scripted server's address", kept, limit: 540_000 });
  const tell = async (path) => (await fetch(`http://${host}${path}`)).json();
  let services = 0;
  return {
    ws: `ws://${host}/xmpp-websocket`,
    /** A service of BOSH that counts its own requests, and misbehaves as the query says. */
    bosh: (query = '') => `http://${host}/http-bind?${query}${query && '&'}mark=${++services}`,
    /** The requests at a service. */
    journal: (service) => tell(`/http-bind/requests${new URL(service).search}`),
    statistics: () => tell('/stats'),
    stop: () => kept.stop(),
  };
}
