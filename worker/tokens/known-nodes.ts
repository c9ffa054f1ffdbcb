/** A token that was good is taken to be so for this long by an isolate: that is how soon a revocation holds. */
const knownForMs = 60_000;
const mostKnown = 1_000;

/** Nodes by the hash of their token, of the last minute. */
export class KnownNodes {
  readonly #nodes = new Map<string, { nodeId: string; untilMs: number }>();

  get(hash: string, nowMs: number): string | null {
    const known = this.#nodes.get(hash);
    return known && known.untilMs > nowMs ? known.nodeId : null;
  }

  set(hash: string, nodeId: string, nowMs: number): void {
    this.#nodes.delete(hash);
    this.#nodes.set(hash, { nodeId, untilMs: nowMs + knownForMs });
    const [oldest] = this.#nodes.keys();
    if (oldest !== undefined && this.#nodes.size > mostKnown) this.#nodes.delete(oldest);
  }
}
