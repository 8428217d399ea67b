//! Fake clock, bad wire, scripted XMPP server.
