//! One XMPP stream over WebSocket (RFC 7395), from open to close.
