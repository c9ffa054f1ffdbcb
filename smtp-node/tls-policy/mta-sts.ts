import { readFile, rename, writeFile } from 'node:fs/promises';
import { getPolicy, type MTASTSPolicyResult, validateMx } from 'mailauth/lib/mta-sts.js';
import { z } from 'zod';
import { requirePublic } from './public-host.ts';
import type { TlsResultType } from './results.ts';

/**
 * MTA-STS (RFC 8461): the policies of recipient domains, fetched by mailauth, kept for as long as they say, also over a
 * restart. What DNS or HTTPS fail to tell meanwhile changes nothing.
 */
export interface StsPolicy {
  id: string;
  mode: 'enforce' | 'testing';
  mx: string[];
  /** Unix ms. */
  expiresMs: number;
}

/** Looks a domain up; `known` is what an earlier look gave. May take long; never rejects in practice. */
export type LookUpPolicy = (domain: string, known: Known | null) => Promise<MTASTSPolicyResult>;

type Known = MTASTSPolicyResult['policy'];

export interface StsOptions {
  lookUp: LookUpPolicy;
  /** Where policies are kept over a restart; null: nowhere. */
  file: string | null;
  now: () => number;
  /** Told when the file cannot be written: policies are then known in memory only. */
  onFault(error: unknown): void;
}

/** Why a policy that a domain's record announces could not be had. */
export interface StsFault {
  type: Extract<TlsResultType, `sts-${string}`>;
  text: string;
}

interface Entry {
  known: Known;
  fault: StsFault | null;
  checkedMs: number;
  usedMs: number;
}

/** The TXT record is looked at so often: a policy may be withdrawn or changed any time (RFC 8461 §3.1). */
const recheckMs = 10 * 60_000;
/** Policies are fetched anew when so much of their time is over, so that one attempt that fails loses nothing. */
const refreshShare = 0.5;
const mostKept = 20_000;

/**
 * Asks DNS by `resolve`, which answers as node:dns does. The policy is fetched from the address that it gives.
 * @param allowLocal whether that may be one that is not public
 */
export function lookUpBy(
  resolve: (name: string, type: string) => Promise<unknown[]>,
  allowLocal: boolean,
): LookUpPolicy {
  const resolver = async (name: string, type: string) => {
    const found = await resolve(name, type);
    if (!allowLocal && type !== 'TXT') requirePublic(name, found.map(String));
    return found;
  };
  return (domain, known) =>
    getPolicy(domain, known, { strict: true, timeout: 10_000, resolver: resolver as never });
}

/** True when a host is one of those that the policy names (RFC 8461 §4.1). */
export function namesMx({ mx, mode }: StsPolicy, host: string): boolean {
  return validateMx(host, { mx, mode }).valid;
}

export class StsPolicies {
  readonly #options: StsOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #pending = new Map<string, Promise<Entry>>();
  #saving: Promise<void> = Promise.resolve();

  constructor(options: StsOptions) {
    this.#options = options;
  }

  /** Reads what was kept; a file that is not there or cannot be read is none. */
  async load(): Promise<void> {
    const { file } = this.#options;
    if (file === null) return;
    const text = await readFile(file, 'utf8').catch(() => '[]');
    const kept = keptSchema.safeParse(parsedJson(text));
    for (const { domain, checkedMs, usedMs, ...known } of kept.data ?? []) {
      this.#entries.set(domain, { known, fault: null, checkedMs, usedMs });
    }
  }

  /** The policy that binds us for a domain; null: none. @param domain A-labels, lower case */
  async of(domain: string): Promise<StsPolicy | null> {
    const nowMs = this.#options.now();
    const entry = this.#entries.get(domain);
    if (entry) entry.usedMs = nowMs;
    if (entry && nowMs - entry.checkedMs < recheckMs) return policyOf(entry, nowMs);
    const looking = this.#look(domain, entry ?? null);
    const bound = entry && policyOf(entry, nowMs);
    // What binds us goes on binding us; nobody has to wait for its renewal.
    return bound ?? policyOf(await looking, this.#options.now());
  }

  /** Why a domain that announces a policy has none that binds us, as the last look found; null: it announces none. */
  faultOf(domain: string): StsFault | null {
    return this.#entries.get(domain)?.fault ?? null;
  }

  /** Renews what was used since it was fetched, before it ends. To be called each hour. */
  async refresh(): Promise<void> {
    const nowMs = this.#options.now();
    const due = [...this.#entries].filter(([, entry]) => {
      const { expires, maxAge } = entry.known;
      const endsMs = Date.parse(String(expires));
      const lastsMs = (maxAge ?? 0) * 1000;
      if (endsMs <= nowMs || lastsMs === 0 || policyOf(entry, nowMs) === null) return false;
      // What is only renewed is not used.
      return entry.usedMs >= endsMs - lastsMs && endsMs - nowMs < lastsMs * refreshShare;
    });
    for (const [domain, entry] of due) {
      // Without an end it counts as no policy of today, so that it is fetched whatever its id.
      await this.#look(domain, entry, true);
    }
  }

  /** Resolves when what is known is in the file. */
  async saved(): Promise<void> {
    await this.#saving;
  }

  #look(domain: string, entry: Entry | null, anew = false): Promise<Entry> {
    const pending = this.#pending.get(domain);
    if (pending) return pending;
    const looking = this.#fetch(domain, entry, anew).finally(() => this.#pending.delete(domain));
    this.#pending.set(domain, looking);
    return looking;
  }

  async #fetch(domain: string, entry: Entry | null, anew: boolean): Promise<Entry> {
    const known = entry?.known ?? null;
    const asked = anew && known ? { ...known, id: `${known.id}.` } : known;
    const found = await this.#options
      .lookUp(domain, asked)
      .catch((): MTASTSPolicyResult => ({ policy: known ?? { id: false, mode: 'none' }, status: 'errored' }));
    const nowMs = this.#options.now();
    const isKept =
      found.status === 'errored' && known !== null && asked !== null && found.policy.id === asked.id;
    const { error, ...policy } = isKept ? { ...known, error: undefined } : found.policy;
    const usedMs = anew && entry ? entry.usedMs : nowMs;
    const next: Entry = { known: policy, fault: faultIn(policy, error), checkedMs: nowMs, usedMs };
    this.#entries.delete(domain);
    const [oldest] = this.#entries.keys();
    if (this.#entries.size >= mostKept && oldest !== undefined) this.#entries.delete(oldest);
    this.#entries.set(domain, next);
    if (found.status === 'found' || known?.mode !== policy.mode) this.#save();
    return next;
  }

  #save(): void {
    const { file, onFault } = this.#options;
    if (file === null) return;
    this.#saving = this.#saving.then(async () => {
      const kept = [...this.#entries].flatMap(([domain, { known, checkedMs, usedMs }]) =>
        known.id && known.expires ? [{ domain, checkedMs, usedMs, ...known }] : [],
      );
      await writeFile(`${file}.new`, JSON.stringify(kept), { mode: 0o600 })
        .then(() => rename(`${file}.new`, file))
        .catch(onFault);
    });
  }
}

const keptSchema = z.array(
  z.object({
    domain: z.string(),
    checkedMs: z.number(),
    usedMs: z.number(),
    id: z.string(),
    mode: z.enum(['enforce', 'testing', 'none']),
    maxAge: z.number().optional(),
    mx: z.array(z.string()).optional(),
    expires: z.string(),
  }),
);

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return [];
  }
}

/** RFC 8460 §4.3.2.2. An error without an id is one of the record's look-up: whether there is a policy is not known. */
function faultIn({ id }: Known, error: Known['error']): StsFault | null {
  if (!id || !error) return null;
  const { code = '', message } = error as Error & { code?: string };
  const text = message.slice(0, 300);
  if (/^(invalid_|policy_too_large)/.test(code)) return { type: 'sts-policy-invalid', text };
  if (/CERT|UNABLE_TO|SELF_SIGNED/.test(code)) return { type: 'sts-webpki-invalid', text };
  return { type: 'sts-policy-fetch-error', text };
}

function policyOf({ known: { id, mode, mx, expires } }: Entry, nowMs: number): StsPolicy | null {
  const expiresMs = Date.parse(String(expires));
  if (!id || mode === 'none' || !(expiresMs > nowMs)) return null;
  return { id, mode, mx: mx ?? [], expiresMs };
}
