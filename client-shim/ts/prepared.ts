/**
 * The form in which a JID is compared (RFC 7622), as in `crates/stream/src/jid.rs`; what is no JID is
 * compared as it is. The worker has compared by then, and more strictly: this only tells the handlers of one
 * tab apart.
 */
export function preparedJid(jid: string): string {
  // Most are in that form already.
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
    // Not a JID, or the domain is none.
  }
  return jid;
}
