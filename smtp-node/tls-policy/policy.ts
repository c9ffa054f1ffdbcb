import type { TlsWish } from '#domain/message/tls-wish.ts';
import { type DanePolicy, daneFault, danePolicies, type PeerChain } from './dane.ts';
import { namesMx, type StsPolicies, type StsPolicy } from './mta-sts.ts';
import type { ReportedPolicy, TlsResults, TlsResultType } from './results.ts';
import type { SecureResolver } from './secure-resolver.ts';

export interface TlsFault {
  type: TlsResultType;
  /** A sentence for people, about the host. */
  text: string;
}

/** What is asked of TLS with one host. */
export interface HostTls {
  /** Who asks: the receiver by DNS or by its policy, or whoever sends the message; null: nobody. */
  source: 'dane' | 'mta-sts' | 'require_tls' | null;
  /** False: a fault is told, and the mail goes all the same. */
  enforced: boolean;
  /** Why the host is not to be used whatever it offers. */
  refusal: TlsFault | null;
  /** Of the peer's certificate: nothing, that it is valid for the host's name, or that DNS names it. */
  certificate: 'any' | 'webpki' | Extract<DanePolicy, { kind: 'dane' }>;
}

/** What a recipient domain asks of TLS. */
export interface DomainTls {
  /** @param host the MX name, as DNS spelled it */
  of(host: string): HostTls;
  /** Counts a session for the report to the domain. */
  count(mx: { host: string; address: string }, fault: TlsResultType | null): void;
}

export interface TlsPolicies {
  /** Never rejects. @param domain A-labels @param hosts MX names */
  of(domain: string, hosts: readonly string[], wish: Exclude<TlsWish, 'requiretls'>): Promise<DomainTls>;
}

const opportunistic: HostTls = { source: null, enforced: false, refusal: null, certificate: 'any' };
const nothing: DomainTls = { of: () => opportunistic, count: () => undefined };
/** Encrypted, to a certificate that is valid for the host (RFC 8689 §4.2.1). */
const required: HostTls = { source: 'require_tls', enforced: true, refusal: null, certificate: 'webpki' };

/** Nobody's policies are asked for; messages may still require TLS of themselves. */
export const noTlsPolicies: TlsPolicies = {
  of: async (_domain, _hosts, wish) => (wish === 'required' ? { ...nothing, of: () => required } : nothing),
};

export interface TlsPoliciesOptions {
  sts: StsPolicies;
  /** Null: no resolver can be trusted, so there is no DANE. */
  resolver: SecureResolver | null;
  port: number;
  /** Null: nobody is told. */
  results?: TlsResults | null;
}

/** DANE goes before MTA-STS (RFC 8461 §2), and both before what whoever sends asks for, since they ask no less. */
export function tlsPoliciesOf({ sts, resolver, port, results = null }: TlsPoliciesOptions): TlsPolicies {
  return {
    async of(domain, hosts, wish) {
      if (wish === 'optional') return nothing;
      const names = hosts.map(nameOf);
      const [policy, dane] = await Promise.all([
        sts.of(domain.toLowerCase()),
        resolver ? danePolicies(domain.toLowerCase(), names, port, resolver) : null,
      ]);
      return {
        count: (mx, fault) => {
          const reported = reportedPolicy(dane?.get(nameOf(mx.host)), policy);
          results?.count({ domain: domain.toLowerCase(), policy: reported, fault, mx });
        },
        of: (host) => {
          const byDane = daneTls(dane?.get(nameOf(host)));
          // Encryption of whatever certificate is less than a policy or a message may ask for.
          if (byDane && (byDane.certificate !== 'any' || byDane.refusal)) return byDane;
          const bySts = policy && stsTls(policy, nameOf(host));
          if (bySts?.enforced) return bySts;
          if (wish === 'required') return required;
          return byDane ?? bySts ?? opportunistic;
        },
      };
    },
  };
}

/** RFC 8460 §4.4; DANE goes before MTA-STS there too. */
function reportedPolicy(dane: DanePolicy | undefined, sts: StsPolicy | null): ReportedPolicy {
  if (dane?.kind === 'dane') {
    const text = dane.records.map(
      ({ usage, selector, matchingType, data }) =>
        `${usage} ${selector} ${matchingType} ${data.toString('hex')}`,
    );
    return { type: 'tlsa', text, mx: [] };
  }
  if (!sts) return { type: 'no-policy-found', text: [], mx: [] };
  const text = ['version: STSv1', `mode: ${sts.mode}`, ...sts.mx.map((mx) => `mx: ${mx}`)];
  return { type: 'sts', text, mx: sts.mx };
}

function nameOf(host: string): string {
  return host.toLowerCase().replace(/\.$/, '');
}

function daneTls(policy: DanePolicy | undefined): HostTls | null {
  switch (policy?.kind) {
    case 'dane':
      return {
        source: 'dane',
        enforced: true,
        refusal: null,
        certificate: policy.records.length > 0 ? policy : 'any',
      };
    case 'failed': {
      const text = `what DNS says of its certificate cannot be known (DANE): ${policy.text}`;
      return {
        source: 'dane',
        enforced: true,
        refusal: { type: 'dnssec-invalid', text },
        certificate: 'any',
      };
    }
    default:
      return null;
  }
}

function stsTls(policy: StsPolicy, host: string): HostTls {
  const text = 'it is none of the hosts that the MTA-STS policy of the domain names';
  return {
    source: 'mta-sts',
    enforced: policy.mode === 'enforce',
    refusal: namesMx(policy, host) ? null : { type: 'validation-failure', text },
    certificate: 'webpki',
  };
}

/** What is known of a connection's TLS. */
export interface PeerTls {
  chain: PeerChain;
  /** Null: the certificate is valid for the host by the authorities that this machine trusts; else the platform's code. */
  webpkiFault: string | null;
}

/** What a connection lacks of what is asked of it; null when nothing. @param peer null: it is not encrypted */
export function tlsFault(asked: HostTls, peer: PeerTls | null, host: string, nowMs: number): TlsFault | null {
  if (asked.refusal) return asked.refusal;
  if (asked.source === null) return null;
  if (!peer) return { type: 'starttls-not-supported', text: 'it offers no STARTTLS' };
  if (asked.certificate === 'any') return null;
  if (asked.certificate === 'webpki') return webpkiFault(peer, nameOf(host));
  const fault = daneFault(peer.chain, asked.certificate, nameOf(host), nowMs);
  return fault === null ? null : { type: 'validation-failure', text: fault };
}

function webpkiFault({ chain, webpkiFault: code }: PeerTls, host: string): TlsFault | null {
  // RFC 8461 §4.1: the name stands among the subject's alternative names.
  const isFor = chain.leaf.checkHost(host, { subject: 'never', partialWildcards: false }) !== undefined;
  if (code === null && isFor) return null;
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID')
    return { type: 'certificate-expired', text: `its certificate is not valid now (${code})` };
  if (!isFor || code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return { type: 'certificate-host-mismatch', text: `its certificate is not for ${host}` };
  return { type: 'certificate-not-trusted', text: `its certificate is not trusted (${code})` };
}
