import { X509Certificate } from 'node:crypto';
import { type SnsMessage, signedText } from '#domain/relay-feed/sns.ts';

/** The runtime's own key type. */
type VerifyKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

const mostCertificateBytes = 16_384;
const fetchForMs = 5_000;
/** SNS signs with one certificate of a region at a time; what is kept is asked for again after this. */
const keptForMs = 24 * 3_600_000;
const mostKept = 8;

interface Kept {
  certificate: X509Certificate;
  untilMs: number;
}

/** Certificates that SNS signs with, as they were fetched; one for an isolate. */
export class SnsCertificates {
  readonly #kept = new Map<string, Kept>();

  /** @param url as `isCertificateUrl` has it. @throws when it cannot be fetched or is none */
  async of(url: string, nowMs: number): Promise<X509Certificate> {
    const known = this.#kept.get(url);
    if (known && known.untilMs > nowMs) return known.certificate;
    const certificate = new X509Certificate(await pemAt(url));
    for (const oldest of this.#kept.keys()) if (this.#kept.size >= mostKept) this.#kept.delete(oldest);
    this.#kept.set(url, { certificate, untilMs: nowMs + keptForMs });
    return certificate;
  }
}

async function pemAt(url: string): Promise<string> {
  const response = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(fetchForMs) });
  if (!response.ok) throw new Error(`${url} answers ${response.status}`);
  const text = await response.text();
  if (text.length > mostCertificateBytes) throw new Error(`${url} is too long for a certificate`);
  return text;
}

/**
 * Whether SNS signed a message: by SHA-1 (version 1) or SHA-256 (version 2), RSASSA-PKCS1-v1_5 (RFC 8017 §8.2).
 * @throws when the certificate cannot be had
 */
export async function isSignedBySns(
  message: SnsMessage,
  certificates: SnsCertificates,
  nowMs: number,
): Promise<boolean> {
  const certificate = await certificates.of(message.SigningCertURL, nowMs);
  if (Date.parse(certificate.validFrom) > nowMs || Date.parse(certificate.validTo) < nowMs) return false;
  const hash = message.SignatureVersion === '1' ? 'SHA-1' : 'SHA-256';
  const key = await verifyKeyOf(certificate, hash);
  const signature = Uint8Array.from(atob(message.Signature), (char) => char.charCodeAt(0));
  const text = new TextEncoder().encode(signedText(message));
  return await crypto.subtle.verify('RSASSA-PKCS1-v1_5', key, signature, text);
}

async function verifyKeyOf({ publicKey }: X509Certificate, hash: 'SHA-1' | 'SHA-256'): Promise<VerifyKey> {
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  return await crypto.subtle.importKey('spki', spki, { name: 'RSASSA-PKCS1-v1_5', hash }, false, ['verify']);
}
