/** Strophe's names for what carries a stream: apps ask whether `connection._proto` is an instance of one. */

/** HTTP (XEP-0206), which no connection uses yet. */
export class Bosh {}

/** A WebSocket (RFC 7395). */
export class Websocket {}
