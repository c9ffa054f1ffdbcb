import { assertNever } from '#domain/assert-never.ts';
import type { MailClass } from '#domain/class.ts';
import type { Failure, Outcome, Session, SmtpReply } from '#domain/outcome.ts';
import { StepFailure, TlsFailure } from './failures.ts';
import type { MxTarget } from './mx-order.ts';
import { asksToSlowDown, brokenFailure, replyFailure, silentFailure } from './outcomes.ts';
import type { Pool, Slot } from './pool.ts';
import { type OpenOptions, openConnection, type SmtpConnection } from './smtp-connection.ts';
import type { StepClock } from './step-clock.ts';
import { type Mail, type TransactionResult, transact } from './transaction.ts';

/** What trying one host came to: it decided over the message, or another host may. */
export type HostResult = { kind: 'decided'; ending: HostEnding } | { kind: 'next'; failure: Failure };

export type HostEnding =
  | { type: 'accepted'; reply: SmtpReply }
  | { type: Exclude<Outcome['type'], 'delivered' | 'failed'>; failure: Failure };

/** What is carried from host to host in one attempt. */
export interface Errand {
  /** The recipient's. */
  domain: string;
  mailClass: MailClass;
  mail: Mail;
  beforeData(): Promise<void>;
  session: Session;
  clock: StepClock;
}

interface Around extends Pick<OpenOptions, 'hostName' | 'timeouts' | 'connect'> {
  pool: Pool;
}

/**
 * Tries one address. Which failures go on to the next host:
 * - no connection, a refused greeting or EHLO, 4yz or 5yz: yes. The host refuses us, not the message, and says
 *   nothing about its neighbours; it is for them that a domain has several (RFC 5321 §5.1, §3.1).
 * - a connection that breaks before the final dot: yes, for the same reason.
 * - 5yz at MAIL, RCPT, DATA or the end: no, it is the answer of the domain (RFC 5321 §4.5.4.1: bounced at once).
 * - 4yz there: no. The mail system answered for the domain; greylists and rate limits are shared by its hosts, and
 *   knocking at each of them makes both worse. The retry, a minute later, draws the order among equals anew.
 * @param waitMs how long to wait for a free connection
 */
export async function tryHost(
  target: MxTarget,
  errand: Errand,
  waitMs: number,
  around: Around,
): Promise<HostResult> {
  const { session, clock } = errand;
  const slot = await around.pool.acquire(target, errand.domain, errand.mailClass, waitMs);
  if (!slot) {
    const text = `no connection to ${target.host} [${target.address}] became free in time`;
    return { kind: 'next', failure: silentFailure({ class: 'rate_limited', text }) };
  }
  let plain = false;
  try {
    for (;;) {
      clock.restart();
      session.reused = slot.connection !== null;
      const opened = await open(slot, target, plain, around, clock);
      if (opened instanceof TlsFailure && !plain) {
        // RFC 7435 §4: no encryption is no worse than what a peer without STARTTLS gets.
        session.tried.push({ ...target, error: `${opened.message}; tried again without TLS` });
        plain = true;
        continue;
      }
      if (opened instanceof StepFailure) {
        if (opened.step !== 'connect') Object.assign(session, { mx: { ...target }, tls: null });
        const failure = brokenFailure(opened, target);
        if (asksToSlowDown(failure)) slot.throttled();
        return { kind: 'next', failure };
      }
      session.mx = { ...target };
      session.tls = opened.tls;
      const result = await transact(opened, errand, around.timeouts);
      if (result.kind !== 'stale') return settle(result, slot, opened, target);
      // Nothing was said to it that it answered, so the message has not been tried yet.
      opened.destroy();
      slot.connection = null;
    }
  } catch (error) {
    slot.connection?.destroy();
    throw error;
  } finally {
    giveBack(slot);
  }
}

async function open(
  slot: Slot,
  target: MxTarget,
  plain: boolean,
  around: Around,
  clock: StepClock,
): Promise<SmtpConnection | StepFailure> {
  if (slot.connection) return slot.connection;
  try {
    slot.connection = await openConnection(target, { ...around, plain, clock });
    return slot.connection;
  } catch (error) {
    if (error instanceof StepFailure) return error;
    throw error;
  }
}

function settle(
  result: Exclude<TransactionResult, { kind: 'stale' }>,
  slot: Slot,
  connection: SmtpConnection,
  target: MxTarget,
): HostResult {
  switch (result.kind) {
    case 'accepted':
      slot.succeeded();
      return { kind: 'decided', ending: { type: 'accepted', reply: result.reply } };
    case 'unable':
      return { kind: 'decided', ending: { type: 'bounced', failure: silentFailure(result) } };
    case 'abandoned': {
      const text = `given up before DATA: ${result.text}`;
      const failure = silentFailure({ class: 'system', text, step: 'data' });
      return { kind: 'decided', ending: { type: 'deferred', failure } };
    }
    case 'refused': {
      const failure = replyFailure(result.reply, result.step, target);
      if (asksToSlowDown(failure)) slot.throttled();
      if (result.reply.code === 421) connection.destroy();
      const permanent = result.reply.code >= 500 && !isForWantOfTls(result.reply, connection);
      return { kind: 'decided', ending: { type: permanent ? 'bounced' : 'deferred', failure } };
    }
    case 'broken': {
      connection.destroy();
      const failure = brokenFailure(result.failure, target);
      if (!result.afterDot) return { kind: 'next', failure };
      return { kind: 'decided', ending: { type: 'maybeAccepted', failure } };
    }
    default:
      return assertNever(result);
  }
}

/**
 * 530 "must issue a STARTTLS command first" (RFC 3207 §4) on a connection that did without because the handshake
 * had failed: that was the trouble of the moment, not a judgement on the message.
 */
function isForWantOfTls(reply: SmtpReply, connection: SmtpConnection): boolean {
  return connection.fellBack && reply.code === 530;
}

/** The delivery does not wait for RSET; the slot does. */
function giveBack(slot: Slot): void {
  const { connection } = slot;
  if (!connection?.inTransaction) {
    slot.release();
    return;
  }
  void connection.reset().then((clean) => {
    if (!clean) connection.destroy();
    slot.release();
  });
}
