import type { SmtpReply, StepName } from '#domain/delivery/outcome.ts';
import type { FailureClass } from '#domain/failure/failure-class.ts';
import { errorText, StepFailure } from './failures.ts';
import { isPositive, type SmtpConnection } from './smtp-connection.ts';
import type { StepClock } from './step-clock.ts';
import type { Timeouts } from './timeouts.ts';

/** What one mail transaction (RFC 5321 §3.3) has to carry. */
export interface Mail {
  mailFrom: string;
  rcptTo: string;
  /** Octets of the content with CRLF line ends, before dot-stuffing (RFC 1870 §3). */
  sizeBytes: number;
  needsSmtpUtf8: boolean;
  eightBit: boolean;
  /** Its sender wants it encrypted on every further way as well: `where understood`, or nowhere else (RFC 8689 §4.2). */
  requireTls: 'no' | 'where understood' | 'always';
  /** The content, dot-stuffed, without the final dot, in blocks. Read once. */
  content(): Iterable<Buffer> | AsyncIterable<Buffer>;
}

export type TransactionResult =
  | { kind: 'accepted'; reply: SmtpReply }
  /** 4yz or 5yz. */
  | { kind: 'refused'; step: StepName; reply: SmtpReply }
  /** The peer lacks what this message needs; nothing was sent. */
  | {
      kind: 'unable';
      lacks: 'SMTPUTF8' | 'REQUIRETLS' | 'SIZE';
      status: string;
      class: FailureClass;
      text: string;
    }
  /**
   * A used connection is not fit for this message any more, which has not been judged: a new one may be. `full`: the
   * peer said so to it, maybe because it has had enough of them.
   */
  | { kind: 'stale'; full: boolean }
  /** The caller refused before DATA. */
  | { kind: 'abandoned'; text: string }
  /** The connection broke, or what came was no SMTP. `afterDot`: the peer may have accepted the message. */
  | { kind: 'broken'; failure: StepFailure; afterDot: boolean };

const finalDot = Buffer.from('.\r\n');

/** One message over an open connection. Rejects only when `content` does. */
export async function transact(
  connection: SmtpConnection,
  { mail, beforeData, clock }: { mail: Mail; beforeData(): Promise<void>; clock: StepClock },
  timeouts: Timeouts,
): Promise<TransactionResult> {
  const unable = whyUnable(connection, mail);
  if (unable) return unable;
  const reused = connection.messages > 0;
  connection.messages++;
  connection.inTransaction = true;
  try {
    const refused = await sayEnvelope(connection, mail, clock, timeouts);
    if (refused) return reused && mayBeOfSession(refused) ? staleBy(refused) : refused;
  } catch (error) {
    if (!(error instanceof StepFailure)) throw error;
    const died = error.kind === 'network' && error.code !== 'ETIMEDOUT';
    if (reused && error.step === 'mail' && died) return { kind: 'stale', full: false };
    return { kind: 'broken', failure: error, afterDot: false };
  }
  try {
    await beforeData();
  } catch (error) {
    return { kind: 'abandoned', text: errorText(error) };
  }
  const result = await sendContent(connection, mail, clock, timeouts);
  const refusedData = result.kind === 'refused' && result.step === 'data' && connection.usable;
  return reused && refusedData && mayBeOfSession(result) ? staleBy(result) : result;
}

/**
 * Whether a refusal may be of the session, not of the message: a peer takes so many messages over one connection and
 * then says 4yz to MAIL, RCPT or DATA; it closes what it finds too long or too idle (421, RFC 5321 §3.8), or takes an
 * earlier transaction to be open still (503, §4.3.2). A status about the recipient (RFC 3463 §3.2, §3.3) is no such.
 */
function mayBeOfSession({ step, reply }: { step: StepName; reply: SmtpReply }): boolean {
  if (reply.code >= 500) return step === 'mail' && reply.code === 503;
  return step !== 'rcpt' || !/^4\.[12]\./.test(reply.status ?? '');
}

function staleBy({ reply }: { reply: SmtpReply }): TransactionResult {
  return { kind: 'stale', full: reply.code < 500 };
}

/** What the peer lacks (RFC 6531 §3.5, RFC 8689 §4.2.1, RFC 1870 §4). */
function whyUnable(connection: SmtpConnection, mail: Mail): TransactionResult | null {
  const { smtpUtf8, requireTls, sizeLimit } = connection.extensions;
  const { host } = connection.target;
  if (mail.needsSmtpUtf8 && !smtpUtf8) {
    const text = `${host} does not offer SMTPUTF8, which this message needs: an address or a header field is not ASCII`;
    // RFC 6531 §3.5: X.6.7, "non-ASCII addresses not permitted".
    return { kind: 'unable', lacks: 'SMTPUTF8', status: '5.6.7', class: 'protocol', text };
  }
  if (mail.requireTls === 'always' && !requireTls) {
    const text = `${host} does not offer REQUIRETLS, which this message was submitted with`;
    // RFC 8689 §4.2.1: X.7.30, "REQUIRETLS support required".
    return { kind: 'unable', lacks: 'REQUIRETLS', status: '5.7.30', class: 'tls', text };
  }
  if (sizeLimit !== null && sizeLimit > 0 && mail.sizeBytes > sizeLimit) {
    const text = `${host} takes messages of up to ${sizeLimit} octets, and this one has ${mail.sizeBytes}`;
    return { kind: 'unable', lacks: 'SIZE', status: '5.3.4', class: 'too_large', text };
  }
  return null;
}

/**
 * MAIL and RCPT, in one packet where the peer has PIPELINING; DATA never with them, for the journal lies between.
 * @returns the refusal, or null when both were accepted
 */
async function sayEnvelope(
  connection: SmtpConnection,
  mail: Mail,
  clock: StepClock,
  timeouts: Timeouts,
): Promise<Extract<TransactionResult, { kind: 'refused' }> | null> {
  const { extensions } = connection;
  const mailCommand = [
    `MAIL FROM:<${mail.mailFrom}>`,
    ...(extensions.sizeLimit === null ? [] : [`SIZE=${mail.sizeBytes}`]),
    // Eight-bit content for a peer without 8BITMIME is sent as it is. RFC 6152 §3 would have it converted or
    // returned; converting breaks signatures and rebuilds the customer's MIME, returning loses mail that nearly
    // every such server (most hide the keyword behind a filter) carries unharmed. Exim and qmail do the same.
    ...(mail.eightBit && extensions.eightBitMime ? ['BODY=8BITMIME'] : []),
    ...(mail.needsSmtpUtf8 ? ['SMTPUTF8'] : []),
    ...(mail.requireTls !== 'no' && extensions.requireTls ? ['REQUIRETLS'] : []),
  ].join(' ');
  const rcptCommand = `RCPT TO:<${mail.rcptTo}>`;
  if (extensions.pipelining) connection.send(mailCommand, rcptCommand);
  else connection.send(mailCommand);

  const mailReply = await clock.time('mail', () => connection.reply('mail', timeouts.mailMs));
  if (!isPositive(mailReply)) {
    // The answer to the RCPT that is already there says nothing new, but must be taken off the line.
    if (extensions.pipelining && mailReply.code !== 421) {
      await connection.reply('rcpt', timeouts.rcptMs).catch(() => undefined);
    }
    return refusal('mail', mailReply);
  }
  if (!extensions.pipelining) connection.send(rcptCommand);
  const rcptReply = await clock.time('rcpt', () => connection.reply('rcpt', timeouts.rcptMs));
  // 250, 251 (will forward) and 252 (cannot verify) are all acceptance (RFC 5321 §4.3.2).
  return isPositive(rcptReply) ? null : refusal('rcpt', rcptReply);
}

async function sendContent(
  connection: SmtpConnection,
  mail: Mail,
  clock: StepClock,
  timeouts: Timeouts,
): Promise<TransactionResult> {
  let afterDot = false;
  try {
    connection.send('DATA');
    const ready = await clock.time('data', () => connection.reply('data', timeouts.dataMs));
    if (ready.code !== 354) return refusal('data', ready);
    afterDot = await clock.time('data', () => writeContent(connection, mail.content()));
    if (!afterDot) {
      const early = refusal('data', await connection.reply('data', timeouts.dataMs));
      // The peer still waits for the rest of the content: there is no way back to commands.
      connection.destroy();
      return early;
    }
    const reply = await clock.time('final', () => connection.reply('final', timeouts.finalMs));
    // Refused, it should be over as well (RFC 5321 §4.1.1.4). Postfix keeps it open all the same when an
    // end-of-data restriction refuses, and answers the next MAIL with 503; RSET ends it anywhere.
    connection.inTransaction = !isPositive(reply);
    return isPositive(reply) ? { kind: 'accepted', reply } : refusal('final', reply);
  } catch (error) {
    // Half a message must not stand: a connection closed without the dot delivers nothing (RFC 5321 §4.1.1.4).
    connection.destroy();
    if (!(error instanceof StepFailure)) throw error;
    return { kind: 'broken', failure: error, afterDot };
  }
}

/**
 * @returns true when the final dot was handed to the kernel, false when the peer spoke or hung up before. The dot
 *   travels in the last block, so that a small message is one packet.
 */
async function writeContent(
  connection: SmtpConnection,
  content: Iterable<Buffer> | AsyncIterable<Buffer>,
): Promise<boolean> {
  let held: Buffer | null = null;
  for await (const block of content) {
    if (held && (await connection.write(held)) === 'interrupted') return false;
    held = block;
  }
  const last = held ? Buffer.concat([held, finalDot]) : finalDot;
  return (await connection.write(last)) === 'handed';
}

/** 4yz and 5yz refuse; any other code makes no sense there and is taken for a broken dialogue. */
function refusal(step: StepName, reply: SmtpReply): Extract<TransactionResult, { kind: 'refused' }> {
  if (reply.code >= 400) return { kind: 'refused', step, reply };
  throw new StepFailure(step, `the reply ${reply.code} makes no sense here`, { reply, kind: 'protocol' });
}
