/**
 * The parts of a JID (RFC 7622 §3.2: everything after the first `/` is the resource; before it, everything up
 * to the first `@` is the node) and the escaping of nodes (XEP-0106). Strings are cut, not prepared or
 * validated.
 */

/** The node, or `null` where the JID has none. */
export function getNodeFromJid(jid: string): string | null {
  const bare = bareOf(jid);
  const at = bare.indexOf('@');
  return at < 0 ? null : bare.slice(0, at);
}

/** The domain; of a string that is no JID, what stands in its place. */
export function getDomainFromJid(jid: string): string {
  const bare = bareOf(jid);
  return bare.slice(bare.indexOf('@') + 1);
}

/** The resource, or `null` where the JID has no `/`. */
export function getResourceFromJid(jid: string): string | null {
  const slash = jid ? jid.indexOf('/') : -1;
  return slash < 0 ? null : jid.slice(slash + 1);
}

/** The JID without its resource; `null` for an empty or missing one. */
export function getBareJidFromJid(jid: string | null | undefined): string | null {
  return jid ? bareOf(jid) : null;
}

/**
 * Escapes what a node must not hold (XEP-0106 §4.2), so that any name may be a node: `d'artagnan` becomes
 * `d\27artagnan`. White space at both ends, which no node may have, is cut off. What is not a string comes
 * back as it is.
 *
 * Every backslash is escaped, also one that begins no escape: so unescaping always gives the name back.
 */
export function escapeNode<T>(node: T): T extends string ? string : T;
export function escapeNode(node: unknown): unknown {
  if (typeof node !== 'string') return node;
  return node.trim().replace(/[ \\"&'/:<>@]/g, (c) => '\\' + c.charCodeAt(0).toString(16));
}

/** Undoes {@link escapeNode}; a backslash that begins none of the ten escapes stays. */
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
