import type { SMTPServerDataStream } from 'smtp-server';
import { BareLineEndScan } from './bare-line-end.ts';
import type { EdgeIntake, Envelope } from './edge-intake.ts';
import { messageIdOf } from './intake-answer.ts';
import { edgeAway, SmtpFault } from './smtp-fault.ts';

/** Largest message, octets: 25 MiB as sent. */
export const mostMessageBytes = 25 * 1024 * 1024;

/**
 * Hands the body of DATA to the edge as it arrives. The last byte is sent only when nothing is wrong with
 * the whole, so that a refused message leaves nothing behind.
 * @returns the message id, once the message is durable at the edge
 * @throws SmtpFault what the client is told; anything else when the client went away
 */
export async function receive(
  stream: Pick<SMTPServerDataStream, 'sizeExceeded' | 'byteLength'> & AsyncIterable<Buffer>,
  secret: string,
  envelope: Envelope,
  intake: Pick<EdgeIntake, 'upload'>,
): Promise<string> {
  const upload = intake.upload(secret, envelope);
  const scan = new BareLineEndScan();
  let fault: SmtpFault | null = null;
  try {
    for await (const chunk of stream) {
      // RFC 5321 §4.1.1.4: the client hears of a fault after its final dot; until then it is not listened to
      if (fault) continue;
      fault = faultIn(stream, scan, chunk);
      if (fault) upload.abort();
      else await upload.write(chunk);
    }
    if (fault || stream.sizeExceeded) throw fault ?? tooLarge();
  } catch (error) {
    upload.abort();
    throw error;
  }
  const answer = await upload.end();
  if (!answer) throw edgeAway();
  return messageIdOf(answer);
}

function faultIn(
  stream: Pick<SMTPServerDataStream, 'sizeExceeded'>,
  scan: BareLineEndScan,
  chunk: Buffer,
): SmtpFault | null {
  if (stream.sizeExceeded) return tooLarge();
  if (scan.push(chunk)) {
    return new SmtpFault(
      '550 5.5.2',
      'A line with a single dot has a bare CR or LF beside it (RFC 5321 2.3.8)',
    );
  }
  return null;
}

function tooLarge(): SmtpFault {
  return new SmtpFault('552 5.3.4', `The message is larger than ${mostMessageBytes} octets`);
}
