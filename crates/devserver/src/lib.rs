//! The scripted XMPP server on a real socket: the embedded server of the demo.
