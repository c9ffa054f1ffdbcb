import type { X509Certificate } from 'node:crypto';
import { type TlsaRecord, verifyCertAgainstTlsa } from 'mx-connect/lib/dane.js';
import type { SecureAnswer, SecureResolver } from './secure-resolver.ts';

/**
 * DANE for SMTP (RFC 7672): a signed DNS says which certificate an MX has. Records, and what follows when they cannot
 * be had, are here; the comparison is mx-connect's.
 */
export type DanePolicy =
  /** DNS is not signed on the way to this host, or has no TLSA records for it. */
  | { kind: 'none' }
  /**
   * `records` are those that can be used; with none of them encryption is required, of whatever certificate (§2.2).
   * `names`: a certificate of a trust anchor is for one of them.
   */
  | { kind: 'dane'; records: readonly TlsaRecord[]; names: readonly string[] }
  /** What DNS says cannot be known: the host must not be used (§2.1.2). */
  | { kind: 'failed'; text: string };

/**
 * The policy of each of a domain's hosts.
 * @param domain A-labels
 * @param hosts MX names, in lower case without their last dot
 */
export async function danePolicies(
  domain: string,
  hosts: readonly string[],
  port: number,
  resolver: SecureResolver,
): Promise<Map<string, DanePolicy>> {
  const mx = await resolver.ask(domain, 'MX');
  const entries = hosts.map(async (host): Promise<[string, DanePolicy]> => {
    if (mx.kind === 'failed') return [host, mx];
    // §2.2.1: names that nobody has signed say nothing of whom they stand for.
    if (!mx.secure) return [host, { kind: 'none' }];
    return [host, await danePolicyOf(domain, host, port, resolver)];
  });
  return new Map(await Promise.all(entries));
}

async function danePolicyOf(
  domain: string,
  host: string,
  port: number,
  resolver: SecureResolver,
): Promise<DanePolicy> {
  const address = await addressOf(host, resolver);
  if (address.kind === 'failed') return address;
  // §2.2.2: without signed addresses TLSA is not asked for, which keeps clear of name servers that fail at it.
  if (!address.secure) return { kind: 'none' };
  // §2.2.3: the name at the end of a chain of aliases goes first.
  const names = new Set([aliasOf(host, address), host]);
  for (const name of names) {
    const tlsa = await resolver.ask(`_${port}._tcp.${name}`, 'TLSA');
    if (tlsa.kind === 'failed') return tlsa;
    if (tlsa.kind === 'records' && tlsa.secure) {
      // §3.2.2: the name that the records are at, and the recipient's domain, which signed MX records lead from.
      return { kind: 'dane', records: usable(tlsa), names: [...names, domain] };
    }
  }
  return { kind: 'none' };
}

async function addressOf(host: string, resolver: SecureResolver): Promise<SecureAnswer> {
  const ipv4 = await resolver.ask(host, 'A');
  return ipv4.kind === 'none' ? await resolver.ask(host, 'AAAA') : ipv4;
}

function aliasOf(host: string, answer: Exclude<SecureAnswer, { kind: 'failed' }>): string {
  let name = host;
  for (let steps = 0; steps < 8; steps++) {
    const alias = answer.answers.find((one) => one.type === 'CNAME' && one.name.toLowerCase() === name);
    if (alias?.type !== 'CNAME') return name;
    name = alias.data.toLowerCase().replace(/\.$/, '');
  }
  return host;
}

/** §3.1.3: of PKIX usages nothing is known in SMTP; other values are for the future. */
function usable(answer: Exclude<SecureAnswer, { kind: 'failed' }>): TlsaRecord[] {
  return answer.answers.flatMap((one) => {
    if (one.type !== 'TLSA') return [];
    const { usage, selector, matchingType, certificate } = one.data;
    const known =
      (usage === 2 || usage === 3) && selector <= 1 && matchingType <= 2 && certificate.length > 0;
    return known ? [{ usage, selector, matchingType, data: certificate }] : [];
  });
}

/** The certificate of a peer, and those that it sent along to prove it. */
export interface PeerChain {
  leaf: X509Certificate;
  issuers: readonly X509Certificate[];
}

/**
 * Whether a certificate is one of those that the policy's records name.
 * @param host the name that is told when a certificate is for none of the names
 * @returns null when it is, else why not
 */
export function daneFault(
  { leaf, issuers }: PeerChain,
  { records, names }: Extract<DanePolicy, { kind: 'dane' }>,
  host: string,
  nowMs: number,
): string | null {
  const ends = records.filter(({ usage }) => usage === 3);
  // §3.1.1: neither name nor time of such a certificate matter.
  if (ends.length > 0 && verifyCertAgainstTlsa(leaf, ends, []).valid) return null;
  const anchors = records.filter(({ usage }) => usage === 2);
  if (anchors.length === 0 || !verifyCertAgainstTlsa(leaf, anchors, [...issuers]).valid) {
    return 'its certificate is none of those that DNS names (TLSA)';
  }
  if (!names.some((name) => leaf.checkHost(name, { subject: 'never', partialWildcards: false }))) {
    return `its certificate is not for ${host}`;
  }
  const expired = [leaf, ...issuers].some(
    (one) => Date.parse(one.validTo) < nowMs || Date.parse(one.validFrom) > nowMs,
  );
  return expired ? 'its certificate is not valid now' : null;
}
