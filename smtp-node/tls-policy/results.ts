import { readFile, rename, writeFile } from 'node:fs/promises';
import { z } from 'zod';

/** What went wrong with TLS, in the words of RFC 8460 §4.3. */
export type TlsResultType =
  | 'starttls-not-supported'
  | 'certificate-host-mismatch'
  | 'certificate-expired'
  | 'certificate-not-trusted'
  | 'validation-failure'
  | 'tlsa-invalid'
  | 'dnssec-invalid'
  | 'sts-policy-fetch-error'
  | 'sts-policy-invalid'
  | 'sts-webpki-invalid';

/** What TLS to one recipient domain came to in a day (UTC), to be told to whom the domain names (RFC 8460). */
export interface TlsResults {
  /** Counts one session. */
  count(session: CountedSession): void;
}

export interface CountedSession {
  domain: string;
  /** The policy that was applied (RFC 8460 §4.4). */
  policy: ReportedPolicy;
  /** Null: the session was encrypted as it was asked for. */
  fault: TlsResultType | null;
  mx: { host: string; address: string };
}

export interface ReportedPolicy {
  type: 'tlsa' | 'sts' | 'no-policy-found';
  /** `policy-string`: the records or the lines of the policy. */
  text: string[];
  /** `mx-host`: the patterns of an MTA-STS policy. */
  mx: string[];
}

const failure = z.object({
  type: z.string(),
  host: z.string(),
  address: z.string(),
  count: z.number(),
});
const counted = z.object({
  policy: z.object({ type: z.string(), text: z.array(z.string()), mx: z.array(z.string()) }),
  good: z.number(),
  failures: z.array(failure),
});
const kept = z.record(z.string(), z.record(z.string(), z.array(counted)));
/** Of one domain: one entry a policy that it had in the course of the day. */
export type DomainResults = z.infer<typeof counted>[];

/** So many domains a day are counted, and so many kinds of failure of one; RFC 8460 asks for no more than one can. */
const mostDomains = 10_000;
const mostFailures = 100;
/** RFC 8460 §5.4: a report that cannot be delivered is tried for a day. */
const keptDays = 2;

/** Counts of a node, kept in a file over restarts. */
export class TlsCounts implements TlsResults {
  readonly #days = new Map<string, Map<string, DomainResults>>();
  readonly #file: string | null;
  readonly #now: () => number;
  #changed = false;

  constructor(file: string | null, now: () => number) {
    this.#file = file;
    this.#now = now;
  }

  /** Reads what was kept; a file that is not there or cannot be read is none. */
  async load(): Promise<void> {
    const text = this.#file === null ? '{}' : await readFile(this.#file, 'utf8').catch(() => '{}');
    const parsed = kept.safeParse(parsedJson(text));
    for (const [day, domains] of Object.entries(parsed.data ?? {})) {
      this.#days.set(day, new Map(Object.entries(domains)));
    }
  }

  count({ domain, policy, fault, mx }: CountedSession): void {
    const day = dayOf(this.#now());
    const domains = this.#days.get(day) ?? new Map<string, DomainResults>();
    this.#days.set(day, domains);
    if (!domains.has(domain) && domains.size >= mostDomains) return;
    const results = domains.get(domain) ?? [];
    domains.set(domain, results);
    const name = JSON.stringify(policy);
    let entry = results.find((one) => JSON.stringify(one.policy) === name);
    if (!entry) {
      if (results.length >= mostFailures) return;
      entry = { policy, good: 0, failures: [] };
      results.push(entry);
    }
    this.#changed = true;
    if (fault === null) {
      entry.good += 1;
      return;
    }
    const same = entry.failures.find(
      ({ type, host, address }) => type === fault && host === mx.host && address === mx.address,
    );
    if (same) same.count += 1;
    else if (entry.failures.length < mostFailures) entry.failures.push({ type: fault, ...mx, count: 1 });
  }

  /** Days that are over, oldest first, with what was counted of each domain. */
  finished(): { day: string; domains: ReadonlyMap<string, DomainResults> }[] {
    const today = dayOf(this.#now());
    return [...this.#days].flatMap(([day, domains]) => (day < today ? [{ day, domains }] : [])).sort(byDay);
  }

  /** A domain has its report of the day, or wants none. */
  done(day: string, domain: string): void {
    this.#days.get(day)?.delete(domain);
    this.#changed = true;
  }

  /** Writes down what has changed, and forgets what nobody could be told for days. */
  async save(): Promise<void> {
    const oldest = dayOf(this.#now() - keptDays * 86_400_000);
    for (const [day, domains] of this.#days) {
      if (day < oldest || (domains.size === 0 && day < dayOf(this.#now()))) this.#days.delete(day);
    }
    if (!this.#changed || this.#file === null) return;
    this.#changed = false;
    const all = Object.fromEntries(
      [...this.#days].map(([day, domains]) => [day, Object.fromEntries(domains)]),
    );
    await writeFile(`${this.#file}.new`, JSON.stringify(all), { mode: 0o600 });
    await rename(`${this.#file}.new`, this.#file);
  }
}

function byDay(a: { day: string }, b: { day: string }): number {
  return a.day < b.day ? -1 : 1;
}

/** `2026-11-26`, UTC. */
function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
