import { isLinkHost } from './domain-names.ts';
import { isFormerLinkHost } from './former-link-hosts.ts';
import type { Store } from './store.ts';

/** How long an isolate goes by what it read of a host. */
const knownForMs = 5 * 60_000;
const mostKnown = 1_000;
/** An address, or a name of one label, is of no domain. */
const belowDomain = /\.[a-z0-9-]*[a-z][a-z0-9-]*$/;

/** Whether hosts that requests came to are link hosts, or were some and are kept, each read at most every five minutes. */
export class KnownLinkHosts {
  readonly #hosts = new Map<string, { is: boolean; untilMs: number }>();

  /** @param host as `canonicalName` gives it @param store that of the first home */
  async has(store: Store, host: string, nowMs: number): Promise<boolean> {
    if (!belowDomain.test(host)) return false;
    const known = this.#hosts.get(host);
    if (known && known.untilMs > nowMs) return known.is;
    const is = (await isLinkHost(store, host)) || (await isFormerLinkHost(store, host));
    this.#hosts.delete(host);
    this.#hosts.set(host, { is, untilMs: nowMs + knownForMs });
    const [oldest] = this.#hosts.keys();
    if (oldest !== undefined && this.#hosts.size > mostKnown) this.#hosts.delete(oldest);
    return is;
  }
}
