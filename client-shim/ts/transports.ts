/** Strophe's classes of transports. Apps test `connection._proto instanceof Strophe.Websocket`. */

/** HTTP (XEP-0206), not supported yet. */
export class Bosh {}

/** A WebSocket (RFC 7395). */
export class Websocket {}
