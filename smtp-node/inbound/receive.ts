import { randomBytes } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { SMTPServerSession } from 'smtp-server';
import { uuidV7 } from '#domain/message/ids.ts';
import { type InboundDoor, largestReceivedBytes, type SmtpRefusal } from '#domain/node-contract.ts';
import type { Log } from '../log.ts';
import { SmtpFault } from '../submission/smtp-fault.ts';
import { EdgeAway } from '../worker-client.ts';
import { collect, type DataStream } from './collect.ts';
import type { HandOver } from './hand-over.ts';
import type { Client, Judge } from './judge.ts';
import type { MailEnvelope } from './returned.ts';
import type { SpamFilter } from './rspamd.ts';
import type { ReceivedSpool, SpooledMail } from './spool.ts';
import { loopFault, traceFields } from './trace.ts';

export interface ReceiveContext {
  hostName: string;
  judge: Judge;
  /** Null: none is asked. */
  spamFilter: SpamFilter | null;
  spool: ReceivedSpool;
  handOver: Pick<HandOver, 'now' | 'later'>;
  log: Log;
}

/** A mail and the session that brings it. */
export interface Arriving {
  session: SMTPServerSession;
  envelope: MailEnvelope;
  door: Extract<InboundDoor, { door: 'received' }>;
  /** Whether the client is there still. */
  isOpen(): boolean;
}

/** So many mails may wait on disk for the edge. */
const mostWaiting = 10_000;
/** What is looked at of a header section. */
const mostHeaderBytes = 256 * 1024;

/**
 * Takes a mail for a domain that receives: to disk, judged there, handed over to the edge. It is said to be taken when
 * the edge has it, or, should the edge go away meanwhile, when it counts on this disk. Where an endpoint's answer is the
 * reply, only that answer makes it taken.
 * @returns the words of the reply
 * @throws SmtpFault, EdgeAway
 */
export async function receive(
  stream: DataStream,
  arriving: Arriving,
  context: ReceiveContext,
): Promise<string> {
  const { envelope, session, door } = arriving;
  const { spool, log } = context;
  const nowMs = Date.now();
  // The last byte is the edge's: it numbers the rules that take the mail's recipients.
  const id = uuidV7(nowMs, Buffer.concat([randomBytes(9), Buffer.alloc(1)]));
  const file = await spool.begin(id);
  let counts = false;
  try {
    await collect(stream, largestReceivedBytes, (chunk) => file.write(chunk));
    const fingerprint = await file.end(envelope);
    const known = spool.inDoubt(fingerprint);
    if (known !== null) {
      log.info({ receivedId: known }, 'brought again, and taken before');
      return takenText(known);
    }
    const loop = loopFault(await headerOf(file.path), envelope.rcptTo);
    if (loop !== null) throw new SmtpFault('554 5.4.6', loop);
    const mail = await judged({ id, nowMs, fingerprint }, file.path, arriving, context);
    const { dmarc } = mail.head.verdicts;
    if (door.refuseDmarc && dmarc.result === 'fail' && dmarc.policy === 'reject') {
      throw new SmtpFault('550 5.7.1', `${dmarc.domain} asks to refuse mail that fails DMARC (RFC 9989)`);
    }
    if (!door.synchronous) {
      if (spool.waiting >= mostWaiting) throw new SmtpFault('452 4.3.1', 'Too much mail waits here');
      await spool.keep(mail);
      counts = true;
    }
    await (counts ? handOverKept(mail, arriving, context) : handOverAsked(mail, context));
    log.info(
      {
        receivedId: id,
        sizeBytes: file.sizeBytes,
        recipients: envelope.rcptTo.length,
        clientAddress: session.remoteAddress,
      },
      'received',
    );
    return takenText(id);
  } finally {
    if (!counts) await file.abort();
  }
}

function takenText(id: string): string {
  return `Taken as ${id}`;
}

/** Who brings a mail, as a session tells it. */
export function clientOf(session: SMTPServerSession, mailFrom: string): Client {
  const helo = String(session.hostNameAppearsAs || '').slice(0, 255);
  const remoteIp = session.remoteAddress.replace(/^::ffff:(?=\d+\.)/i, '');
  return { remoteIp, helo, mailFrom };
}

async function judged(
  { id, nowMs, fingerprint }: { id: string; nowMs: number; fingerprint: string },
  path: string,
  { session, envelope, door }: Arriving,
  { hostName, judge, spamFilter }: ReceiveContext,
): Promise<SpooledMail> {
  const client = clientOf(session, envelope.mailFrom);
  const { remoteIp, helo } = client;
  const [{ verdicts: found, authResults }, spam] = await Promise.all([
    judge(path, client),
    spamFilter?.({ path, ...client, rcptTo: envelope.rcptTo }) ?? null,
  ]);
  const verdicts = { ...found, spam };
  const clientName = verdicts.reverse?.verified ? verdicts.reverse.name : null;
  const head = {
    id,
    receivedAtMs: nowMs,
    group: door.group,
    mailFrom: envelope.mailFrom,
    rcptTo: [...envelope.rcptTo],
    remoteIp,
    helo,
    tls: session.secure,
    verdicts,
  };
  const protocol = session.transmissionType;
  const trace = traceFields({
    id,
    hostName,
    remoteIp,
    clientName,
    helo,
    protocol,
    rcptTo: envelope.rcptTo,
    authResults,
    atMs: nowMs,
  });
  return { head, trace, fingerprint };
}

/** The answer of the endpoint, by way of the edge, is the reply; nobody keeps what has none. */
async function handOverAsked(mail: SpooledMail, { handOver }: ReceiveContext): Promise<void> {
  const refusal = await handOver.now(mail);
  if (refusal) throw faultOf(refusal);
}

/** What counts is taken even if the edge goes away; a refusal is said as long as the client is there to hear it. */
async function handOverKept(mail: SpooledMail, { isOpen }: Arriving, context: ReceiveContext): Promise<void> {
  const { handOver, spool, log } = context;
  let refusal: SmtpRefusal | null;
  try {
    refusal = await handOver.now(mail);
  } catch (error) {
    if (error instanceof EdgeAway) {
      log.warn({ err: error, receivedId: mail.head.id }, 'the edge is away; received mail waits on disk');
      if (!isOpen()) spool.doubt(mail);
      handOver.later(mail, isOpen());
      return;
    }
    // The edge has refused it: its sender keeps it.
    await spool.done(mail, true);
    throw error;
  }
  if (refusal) {
    await spool.done(mail, true);
    throw faultOf(refusal);
  }
  // After the reply is written: whoever dies before that finds the mail on disk.
  setImmediate(() => {
    spool.done(mail, isOpen()).catch((error) => log.warn({ err: error }, 'a received mail stays on disk'));
  });
}

/** A refusal of the edge as it is said in the session. */
export function faultOf({ reply, text }: SmtpRefusal): SmtpFault {
  return new SmtpFault(reply, text);
}

/** The header section as latin1 text, as far as it is looked at. */
async function headerOf(path: string): Promise<string> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(mostHeaderBytes), 0, mostHeaderBytes, 0);
    const text = buffer.subarray(0, bytesRead).toString('latin1');
    const end = /\r?\n\r?\n/.exec(text);
    return end ? text.slice(0, end.index + 2) : text;
  } finally {
    await file.close();
  }
}
