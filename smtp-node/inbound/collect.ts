import type { SMTPServerDataStream } from 'smtp-server';
import { BareLineEndScan } from '../submission/bare-line-end.ts';
import { SmtpFault } from '../submission/smtp-fault.ts';

/** The body of DATA as it comes. */
export type DataStream = Pick<SMTPServerDataStream, 'sizeExceeded'> & AsyncIterable<Buffer>;

/**
 * Reads the body of DATA to its end and gives its chunks away, as long as nothing is wrong with it.
 * @throws SmtpFault 552 when it is too large, 550 for the dot lines of SMTP smuggling; whatever `write` throws
 */
export async function collect(
  stream: DataStream,
  mostBytes: number,
  write: (chunk: Buffer) => unknown,
): Promise<void> {
  const scan = new BareLineEndScan();
  let sizeBytes = 0;
  let fault: unknown = null;
  for await (const chunk of stream) {
    // RFC 5321 §4.1.1.4: the peer hears of a fault after its final dot; until then what it says is thrown away
    if (fault) continue;
    sizeBytes += chunk.length;
    try {
      if (stream.sizeExceeded || sizeBytes > mostBytes) throw tooLarge(mostBytes);
      if (scan.push(chunk)) throw smuggled();
      await write(chunk);
    } catch (error) {
      fault = error;
    }
  }
  if (fault) throw fault;
  if (stream.sizeExceeded) throw tooLarge(mostBytes);
}

export function tooLarge(mostBytes: number): SmtpFault {
  return new SmtpFault('552 5.3.4', `Mail to this address may have at most ${mostBytes} octets`);
}

function smuggled(): SmtpFault {
  return new SmtpFault(
    '550 5.5.2',
    'A line with a single dot has a bare CR or LF beside it (RFC 5321 2.3.8)',
  );
}
