import type { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { isIP } from 'node:net';
import { type TLSSocket, connect as tlsConnect } from 'node:tls';
import type { Session } from '#domain/delivery/outcome.ts';
import type { PeerTls } from '../tls-policy/policy.ts';
import { errorCode, errorText, TlsFailure } from './failures.ts';

export type TlsVerdict = NonNullable<Session['tls']>;

/**
 * The TLS handshake after STARTTLS was accepted. Any certificate will do here (RFC 7435); what a receiver asks of it
 * is for the caller to compare.
 * @param host the MX name, for SNI and the verdict
 * @returns the encrypted socket, what is told of it, and what is needed to judge it; throws TlsFailure
 */
export async function startTls(
  socket: Socket,
  host: string,
  timeoutMs: number,
): Promise<{ socket: TLSSocket; verdict: TlsVerdict; peer: PeerTls }> {
  // A trailing dot belongs to DNS, not to the name in a certificate (RFC 6066 §3).
  const name = host.replace(/\.$/, '');
  const encrypted = tlsConnect({
    socket,
    host: name,
    ...(isIP(name) ? {} : { servername: name }),
    rejectUnauthorized: false,
  });
  let timer: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      const fail = (text: string, code: string | null) =>
        reject(new TlsFailure('tls', `TLS handshake failed: ${text}`, { code }));
      timer = setTimeout(() => fail(`not done within ${timeoutMs / 1000} s`, 'ETIMEDOUT'), timeoutMs);
      encrypted.once('secureConnect', resolve);
      encrypted.on('error', (error) => fail(reasonOf(error), errorCode(error)));
      encrypted.once('close', () => fail('the peer closed the connection', 'ECONNRESET'));
    });
  } catch (error) {
    encrypted.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
  }
  const peer = peerOf(encrypted);
  if (!peer) {
    encrypted.destroy();
    throw new TlsFailure('tls', 'TLS handshake failed: the peer has no certificate', { kind: 'protocol' });
  }
  return { socket: encrypted, verdict: verdictOf(encrypted, peer), peer };
}

/** OpenSSL's reason, without its place in the source. */
function reasonOf(error: Error): string {
  return 'reason' in error && typeof error.reason === 'string' ? error.reason : errorText(error).trim();
}

function verdictOf(socket: TLSSocket, { chain: { leaf }, webpkiFault }: PeerTls): TlsVerdict {
  const common = {
    version: socket.getProtocol() ?? 'unknown',
    cipher: socket.getCipher().name,
    issuer: issuerOf(leaf),
    expires: new Date(leaf.validTo).toISOString(),
  };
  if (webpkiFault === null) return { ...common, verdict: 'verified' };
  return { ...common, verdict: 'unverified', reason: webpkiFault };
}

/** The issuer's organization or common name (RFC 5280 §4.1.2.4). */
function issuerOf({ issuer }: X509Certificate): string {
  const names = Object.fromEntries(
    issuer.split('\n').map((line) => [line.slice(0, line.indexOf('=')), line]),
  );
  const name = names.O ?? names.CN ?? '';
  return name.slice(name.indexOf('=') + 1).slice(0, 200);
}

/** More certificates than that prove nothing. */
const longestChain = 10;

function peerOf(socket: TLSSocket): PeerTls | null {
  const leaf = socket.getPeerX509Certificate();
  if (!leaf) return null;
  const issuers: X509Certificate[] = [];
  for (let at = leaf.issuerCertificate; at && issuers.length < longestChain; at = at.issuerCertificate) {
    if (at.raw.equals((issuers.at(-1) ?? leaf).raw)) break;
    issuers.push(at);
  }
  const reason: unknown = socket.authorizationError;
  const code = reason instanceof Error ? (errorCode(reason) ?? reason.message) : String(reason);
  return { chain: { leaf, issuers }, webpkiFault: socket.authorized ? null : code };
}
