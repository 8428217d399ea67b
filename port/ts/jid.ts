/**
 * The parts of a JID (RFC 7622 §3.2) and the escaping of localparts, which Strophe calls nodes
 * (XEP-0106). The resource is everything after the first `/`; in the rest, the node is everything
 * before the first `@`. Strings are split only, neither prepared nor validated.
 */

/** The node, or `null` if the JID has none. */
export function getNodeFromJid(jid: string): string | null {
  const bare = bareOf(jid);
  const at = bare.indexOf('@');
  return at < 0 ? null : bare.slice(0, at);
}

/** The domain; for a string that is not a JID, the text in that place. */
export function getDomainFromJid(jid: string): string {
  const bare = bareOf(jid);
  return bare.slice(bare.indexOf('@') + 1);
}

/** The resource, or `null` if the JID has no `/`. */
export function getResourceFromJid(jid: string): string | null {
  const slash = jid ? jid.indexOf('/') : -1;
  return slash < 0 ? null : jid.slice(slash + 1);
}

/** The JID without its resource; `null` if `jid` is empty or missing. */
export function getBareJidFromJid(jid: string | null | undefined): string | null {
  return jid ? bareOf(jid) : null;
}

/**
 * Escapes the characters that a node must not contain (XEP-0106 §4.2), so that any name can be a
 * node: `d'artagnan` becomes `d\27artagnan`. White space at both ends is removed. A value that is
 * not a string is returned unchanged.
 *
 * Every backslash is escaped, even if it does not begin an escape sequence, so that
 * {@link unescapeNode} always restores the name.
 */
export function escapeNode<T>(node: T): T extends string ? string : T;
export function escapeNode(node: unknown): unknown {
  if (typeof node !== 'string') return node;
  return node.trim().replace(/[ \\"&'/:<>@]/g, (c) => '\\' + c.charCodeAt(0).toString(16));
}

/** Reverses {@link escapeNode}; a backslash that begins none of the ten escape sequences stays. */
export function unescapeNode<T>(node: T): T extends string ? string : T;
export function unescapeNode(node: unknown): unknown {
  if (typeof node !== 'string') return node;
  return node.replace(/\\(20|22|26|27|2f|3a|3c|3e|40|5c)/g, (_, hex: string) =>
    String.fromCharCode(parseInt(hex, 16)),
  );
}

function bareOf(jid: string): string {
  const slash = jid ? jid.indexOf('/') : -1;
  return slash < 0 ? (jid ?? '') : jid.slice(0, slash);
}
