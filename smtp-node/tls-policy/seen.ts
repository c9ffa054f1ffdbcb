import { asksForTls, type RecipientPolicy } from '#domain/delivery/recipient-policy.ts';

/** Told again after so long even if nothing has changed, so that it is known to be so still. */
const tellAgainMs = 7 * 86_400_000;
const mostKept = 20_000;
const mostAtOnce = 100;

/** What recipient domains were found to ask of TLS, to be told to the edge: what has changed, and nothing of those that ask nothing. */
export class SeenPolicies {
  readonly #now: () => number;
  readonly #told = new Map<string, { text: string; untilMs: number }>();
  readonly #waiting = new Map<string, RecipientPolicy>();

  constructor(now: () => number) {
    this.#now = now;
  }

  note(policy: RecipientPolicy): void {
    const { domain } = policy;
    const told = this.#told.get(domain);
    if (!told && !asksForTls(policy)) {
      this.#waiting.delete(domain);
      return;
    }
    if (told && told.untilMs > this.#now() && told.text === JSON.stringify(policy)) return;
    if (this.#waiting.size < mostKept || this.#waiting.has(domain)) this.#waiting.set(domain, policy);
  }

  /** Tells what is new; what cannot be told stays for the next call. Rejects as `tell` does. */
  async tell(tell: (policies: RecipientPolicy[]) => Promise<void>): Promise<void> {
    for (;;) {
      const policies = [...this.#waiting.values()].slice(0, mostAtOnce);
      if (policies.length === 0) return;
      await tell(policies);
      for (const policy of policies) {
        if (this.#waiting.get(policy.domain) === policy) this.#waiting.delete(policy.domain);
        this.#remember(policy);
      }
    }
  }

  #remember(policy: RecipientPolicy): void {
    const { domain } = policy;
    this.#told.delete(domain);
    if (!asksForTls(policy)) return;
    const [oldest] = this.#told.keys();
    if (this.#told.size >= mostKept && oldest !== undefined) this.#told.delete(oldest);
    this.#told.set(domain, { text: JSON.stringify(policy), untilMs: this.#now() + tellAgainMs });
  }
}
