import type { Socket } from 'node:net';
import { isIP } from 'node:net';
import { type TLSSocket, connect as tlsConnect } from 'node:tls';
import type { Session } from '#domain/outcome.ts';
import { errorCode, errorText, TlsFailure } from './failures.ts';

export type TlsVerdict = NonNullable<Session['tls']>;

/**
 * The TLS handshake after STARTTLS was accepted. Opportunistic (RFC 7435): any certificate will do, and whether it
 * is valid for the MX name is recorded, not enforced, since the name itself came from unsigned DNS.
 * @param host the MX name, for SNI and the verdict
 * @returns the encrypted socket; throws TlsFailure
 */
export async function startTls(
  socket: Socket,
  host: string,
  timeoutMs: number,
): Promise<{ socket: TLSSocket; verdict: TlsVerdict }> {
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
      encrypted.on('error', (error) => fail(errorText(error), errorCode(error)));
      encrypted.once('close', () => fail('the peer closed the connection', 'ECONNRESET'));
    });
  } catch (error) {
    encrypted.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
  }
  return { socket: encrypted, verdict: verdictOf(encrypted) };
}

function verdictOf(socket: TLSSocket): TlsVerdict {
  const version = socket.getProtocol() ?? 'unknown';
  const cipher = socket.getCipher().name;
  if (socket.authorized) return { version, cipher, verdict: 'verified' };
  const reason: unknown = socket.authorizationError;
  return {
    version,
    cipher,
    verdict: 'unverified',
    reason: reason instanceof Error ? (errorCode(reason) ?? reason.message) : String(reason),
  };
}
