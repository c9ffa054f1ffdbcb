import type { SMTPServerDataStream } from 'smtp-server';
import { largestReturnedBytes } from '#domain/node-contract.ts';
import { BareLineEndScan } from '../submission/bare-line-end.ts';
import { SmtpFault } from '../submission/smtp-fault.ts';

/**
 * The body of DATA in memory, which its limit allows.
 * @throws SmtpFault 552 when it is too large, 550 for the dot lines of SMTP smuggling
 */
export async function collect(
  stream: Pick<SMTPServerDataStream, 'sizeExceeded'> & AsyncIterable<Buffer>,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const scan = new BareLineEndScan();
  let fault: SmtpFault | null = null;
  for await (const chunk of stream) {
    // RFC 5321 §4.1.1.4: the peer hears of a fault after its final dot; until then what it says is thrown away
    if (fault) continue;
    fault = faultIn(stream, scan, chunk);
    if (fault) chunks.length = 0;
    else chunks.push(chunk);
  }
  if (fault || stream.sizeExceeded) throw fault ?? tooLarge();
  return Buffer.concat(chunks);
}

function faultIn(
  stream: Pick<SMTPServerDataStream, 'sizeExceeded'>,
  scan: BareLineEndScan,
  chunk: Buffer,
): SmtpFault | null {
  if (stream.sizeExceeded) return tooLarge();
  return scan.push(chunk)
    ? new SmtpFault('550 5.5.2', 'A line with a single dot has a bare CR or LF beside it (RFC 5321 2.3.8)')
    : null;
}

function tooLarge(): SmtpFault {
  return new SmtpFault('552 5.3.4', `Mail to a return path may have at most ${largestReturnedBytes} octets`);
}
