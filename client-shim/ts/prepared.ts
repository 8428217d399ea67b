/**
 * Prepares a JID for comparison (RFC 7622), like `crates/stream/src/jid.rs`; text that is not a JID
 * is returned unchanged. The worker has already compared more strictly when it routed the stanza:
 * this function only distinguishes the handlers of one tab.
 */
export function preparedJid(jid: string): string {
  // Most JIDs are prepared already.
  if (!/[A-Z\x80-\uffff]|\.(\/|$)/.test(jid)) return jid;
  try {
    const {
      1: node = '',
      2: domain,
      3: resource = '',
    } = /^([^\0- "&'/:<>@]+@)?([-.\w\x80-\uffff]+?)\.?(\/.+)?$/s.exec(jid)!;
    const local = node
      .replace(/[\uff01-\uffee]/g, (wide) => wide.normalize('NFKC'))
      .toLowerCase()
      .normalize();
    if (local === local.normalize('NFKC'))
      return local + new URL('http://' + domain).hostname + resource.normalize();
  } catch {
    // The JID or its domain is malformed.
  }
  return jid;
}
