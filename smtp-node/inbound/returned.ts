import type { SMTPServerSession } from 'smtp-server';
import { looksLikeToken } from '#domain/message/return-path.ts';
import { largestReturnedBytes } from '#domain/node-contract.ts';
import { parseReportAddress } from '#domain/reports/report-address.ts';
import type { Log } from '../log.ts';
import { SmtpFault } from '../submission/smtp-fault.ts';
import type { WorkerClient } from '../worker-client.ts';
import { collect, type DataStream } from './collect.ts';
import { type ResolveTxt, signedAuthor } from './signed-author.ts';

/** MAIL and RCPT of a mail. */
export interface MailEnvelope {
  /** Empty: the null sender. */
  mailFrom: string;
  /** Domains as A-labels. */
  rcptTo: readonly string[];
}

/** Takes mail that came to return paths, and hands it over before it is said to be taken. @throws SmtpFault, EdgeAway */
export async function takeReturned(
  stream: DataStream,
  { session, envelope }: { session: SMTPServerSession; envelope: MailEnvelope },
  { client, resolveTxt, log }: { client: Pick<WorkerClient, 'inbound'>; resolveTxt: ResolveTxt; log: Log },
): Promise<void> {
  const chunks: Buffer[] = [];
  await collect(stream, largestReturnedBytes, (chunk) => chunks.push(chunk));
  const raw = Buffer.concat(chunks);
  // A token vouches for its mail by itself, and nobody need vouch for a report about a domain.
  const tokens = envelope.rcptTo.every((address) => {
    const localPart = address.slice(0, address.lastIndexOf('@')).toLowerCase();
    return looksLikeToken(localPart) || parseReportAddress(localPart) !== null;
  });
  const author = tokens ? null : await signedAuthor(raw, envelope.rcptTo, resolveTxt);
  const verdicts = await client.inbound({ ...envelope, raw, signedAuthor: author });
  log.info({ verdicts, sizeBytes: raw.length, clientAddress: session.remoteAddress }, 'mail came back');
  // Whoever brought it for several hears of a refusal only when nobody has taken it.
  if (verdicts.includes('taken')) return;
  if (verdicts.includes('refused')) {
    throw new SmtpFault('550 5.7.1', 'Only reports (RFC 5965, 8460, 9990) are read at this address');
  }
  throw new SmtpFault('550 5.1.1', 'There is no such address here');
}
