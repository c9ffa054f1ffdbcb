/** A case of tls-cases.ts: how a receiver is, what it asks of TLS, and what is to become of a message. */

/** How a receiver's server is. Each is a server at an address of its own (see tls-world.ts). */
export const faces = [
  'good',
  'nexthop',
  'other',
  'expired',
  'self',
  'stranger',
  'none',
  'broken',
  'refuses',
  'injects',
  'requiretls',
] as const;
export type Face = (typeof faces)[number];

/** How the host of a policy is. */
export type PolicyFault =
  | 'down'
  | 'silent'
  | 'wrong name'
  | 'expired'
  | 'self-signed'
  | '404'
  | 'redirect'
  | 'too large'
  | 'not text'
  | 'no version';

export interface Sts {
  mode: 'enforce' | 'testing' | 'none';
  /** Of the policy; `MX` stands for the host's name, `DOMAIN` for the domain's. */
  mx?: string[];
  fault?: PolicyFault;
  /** TXT records in place of the right one. */
  texts?: string[];
}

/** A record whose data is of a face's certificate, or of the authority that issued it. */
export interface Tlsa {
  usage: 0 | 1 | 2 | 3;
  selector: 0 | 1;
  matching: 0 | 1 | 2;
  of: Face | 'authority' | 'foreign authority';
}

/** `verified`: encrypted, to a certificate that is the one asked for. */
export type Ending =
  | 'verified'
  | 'encrypted'
  | 'clear'
  | 'deferred'
  | 'deferred, then clear'
  | 'deferred, then bounced';

export interface TlsCase {
  /** Label of the domain; its MX is `mx.LABEL.ZONE`. */
  label: string;
  what: string;
  face: Face;
  signed: boolean;
  sts?: Sts;
  tlsa?: Tlsa[];
  /** Where the host's name is: below a zone that is not signed, or that does not validate; an alias; at a SERVFAIL. */
  dns?: 'insecure host' | 'bogus host' | 'bogus domain' | 'insecure MX' | 'alias' | 'TLSA fails';
  /** Of the message: `require_tls`, REQUIRETLS by SMTP, or its header field `TLS-Required: No`. */
  wish?: 'require_tls' | 'REQUIRETLS' | 'TLS-Required: No';
  ours: Ending;
  /** What the event says of who asked; null: nobody. Left out where nothing was delivered. */
  source?: 'dane' | 'mta-sts' | 'require_tls' | null;
  /** Of a deferral: what its sentence says; of a delivery: what the policy would have refused. */
  why?: RegExp;
  /** Null: it has no counterpart. */
  postfix: Ending | null;
  mox: string;
}

export const domainOf = ({ label, signed, dns }: TlsCase): string =>
  dns === 'bogus domain'
    ? `${label}.bog.sec.test`
    : `${label}.${signed && dns !== 'insecure MX' ? 'sec' : 'sts'}.test`;

/** The name that MX has for the host. */
export function hostOf({ label, signed, dns }: TlsCase): string {
  if (dns === 'insecure host') return `mx.${label}.ins.sec.test`;
  if (dns === 'bogus host' || dns === 'bogus domain') return `mx.${label}.bog.sec.test`;
  return `mx.${label}.${signed ? 'sec' : 'sts'}.test`;
}
