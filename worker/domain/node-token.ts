/** A node's own token: `pp_node_` and 256 random bits as base64url. It speaks for one node id. */
export const nodeTokenPattern = /^pp_node_[A-Za-z0-9_-]{43}$/;

/** @param random 32 random bytes, as base64url without padding */
export function nodeTokenOf(random: string): string {
  const token = `pp_node_${random}`;
  if (!nodeTokenPattern.test(token)) throw new Error('a node token has 32 random bytes');
  return token;
}
