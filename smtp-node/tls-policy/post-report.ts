import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { publicLookup, requirePublicHost } from './public-host.ts';

const timeoutMs = 30_000;

/**
 * Posts a report (RFC 8460 §5.4) to where a recipient domain asks for it; redirects are not followed. Rejects unless the
 * answer is 2yz.
 * @param allowLocal whether it may be a host that is not public
 */
export async function postReport(url: string, gzip: Uint8Array, allowLocal: boolean): Promise<void> {
  const target = new URL(url);
  if (!allowLocal) requirePublicHost(target.hostname);
  const outgoing = request(target, {
    method: 'POST',
    headers: { 'Content-Type': 'application/tlsrpt+gzip', 'Content-Length': gzip.length },
    agent: false,
    signal: AbortSignal.timeout(timeoutMs),
    ...(allowLocal ? {} : { lookup: publicLookup }),
  });
  outgoing.end(gzip);
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
  outgoing.on('error', () => undefined); // what comes after the status is not waited for
  answer.destroy();
  const { statusCode = 0 } = answer;
  if (statusCode < 200 || statusCode > 299) throw new Error(`${target.host} answers ${statusCode}`);
}
