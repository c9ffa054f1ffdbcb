import { assertNever } from '#domain/assert-never.ts';
import type { Failure, Outcome, Session, SmtpReply } from '#domain/delivery/outcome.ts';
import type { MailClass } from '#domain/message/class.ts';
import { type DomainTls, type HostTls, type TlsFault, tlsFault } from '../tls-policy/policy.ts';
import { StepFailure, TlsFailure } from './failures.ts';
import type { MxTarget } from './mx-order.ts';
import { asksToSlowDown, brokenFailure, replyFailure, silentFailure } from './outcomes.ts';
import type { Pool, Slot } from './pool.ts';
import type { SilentHosts } from './silent-hosts.ts';
import type { OpenOptions, SmtpConnection } from './smtp-connection.ts';
import type { TlsVerdict } from './start-tls.ts';
import type { StepClock } from './step-clock.ts';
import { type Mail, type TransactionResult, transact } from './transaction.ts';

/** What trying one host came to: it decided over the message, or another host may. */
export type HostResult =
  | { kind: 'decided'; ending: HostEnding }
  /** `spoke`: it greeted us, whatever it said. `because`: what decides how it goes on when no other host takes it. */
  | { kind: 'next'; failure: Failure; spoke: boolean; because?: 'noTls' | 'lacksExtension' | 'tlsAsked' }
  /** It did not answer a while ago, so it was not asked. */
  | { kind: 'silent'; failure: Failure; spoke: false }
  /** None of our own connections to it became free in time. */
  | { kind: 'busy'; spoke: false };

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
  /** Do not ask for STARTTLS. */
  plain: boolean;
  /** What the recipient's domain asks of TLS. */
  tls: DomainTls;
  /** What is left of the time before MAIL, for all hosts together. */
  patience: { leftMs: number };
  /** How long a free connection is waited for, Unix ms. */
  waitUntilMs: number;
}

/** What trying a host needs of its surroundings. */
export interface Around extends Pick<OpenOptions, 'hostName' | 'timeouts' | 'connect'> {
  /** How a connection is made that can carry mail. */
  open(target: MxTarget, options: OpenOptions): Promise<SmtpConnection>;
  pool: Pool;
  silent: SilentHosts;
  now(): number;
}

/**
 * Tries one address. Which failures go on to the next host:
 * - no connection, a refused greeting or EHLO, 4yz or 5yz: yes. The host refuses us, not the message, and says
 *   nothing about its neighbours; it is for them that a domain has several (RFC 5321 §5.1, §3.1).
 * - a connection that breaks before the final dot: yes, for the same reason.
 * - no TLS although it is offered, no SMTPUTF8 or REQUIRETLS: yes; another host may have it.
 * - 5yz at MAIL, RCPT, DATA or the end: no, it is the answer of the domain (RFC 5321 §4.5.4.1: bounced at once).
 * - 4yz there: no. The mail system answered for the domain; greylists and rate limits are shared by its hosts, and
 *   knocking at each of them makes both worse. The retry, a minute later, draws the order among equals anew.
 */
export async function tryHost(target: MxTarget, errand: Errand, around: Around): Promise<HostResult> {
  const { session, clock } = errand;
  const { silent, pool } = around;
  const asked = errand.tls.of(target.host);
  if (asked.refusal && asked.enforced) {
    errand.tls.count(target, asked.refusal.type);
    return askedInVain(asked, asked.refusal, target, false);
  }
  if (silent.isSilent(target.address)) return silentResult(target, around);
  const waitMs = Math.max(0, errand.waitUntilMs - around.now());
  const slot = await clock.time('wait', () => pool.acquire(target, errand.domain, errand.mailClass, waitMs));
  if (slot === 'busy') return { kind: 'busy', spoke: false };
  if (slot === 'paused') {
    const text = `${target.host} [${target.address}] asked to slow down, and is left alone for a while`;
    return { kind: 'next', failure: silentFailure({ class: 'rate_limited', text }), spoke: false };
  }
  const admission = slot.connection ? 'open' : silent.admit(target.address);
  if (admission === 'silent') {
    slot.release();
    return silentResult(target, around);
  }
  /** Messages that a used connection took before it refused this one. */
  let measure = 0;
  try {
    for (;;) {
      session.reused = slot.connection !== null;
      const opened = await open(slot, target, errand, around);
      if (opened instanceof StepFailure) {
        if (opened.step !== 'connect') Object.assign(session, { mx: { ...target }, tls: null });
        const failure = brokenFailure(opened, target);
        if (asksToSlowDown(failure)) slot.throttled();
        if (opened instanceof TlsFailure) {
          silent.answered(target.address);
          errand.tls.count(target, opened.reply ? 'starttls-not-supported' : 'validation-failure');
          const because = asked.enforced ? 'tlsAsked' : 'noTls';
          return { kind: 'next', failure, spoke: true, because };
        }
        silent.failed(target.address, opened);
        return { kind: 'next', failure, spoke: opened.reply !== null };
      }
      silent.answered(target.address);
      const fault = tlsFault(asked, opened.peer, target.host, around.now());
      if (fault && asked.enforced && session.reused) {
        // It was opened for a domain that asks for less; the host's certificate may be another by now.
        await clock.time('mail', () => opened.quit());
        slot.connection = null;
        continue;
      }
      if (!session.reused)
        errand.tls.count(target, fault?.type ?? (opened.peer ? null : 'starttls-not-supported'));
      session.mx = { ...target };
      session.tls = opened.tls && toldTls(opened.tls, asked, fault);
      if (fault && asked.enforced) return askedInVain(asked, fault, target, true);
      const result = await transact(opened, errand, around.timeouts);
      if (result.kind !== 'stale') {
        // A new connection took what the used one refused: so many messages are its measure.
        if (result.kind === 'accepted' && measure > 0) slot.learned(measure);
        return settle(result, slot, opened, target);
      }
      // It was not the message that was judged.
      measure = result.full ? opened.messages - 1 : 0;
      await clock.time('mail', () => opened.quit());
      slot.connection = null;
    }
  } catch (error) {
    slot.connection?.destroy();
    throw error;
  } finally {
    if (admission === 'probe') silent.probed(target.address);
    giveBack(slot);
  }
}

/** A host that does not do what is asked of it gets no mail, and no word in clear. */
function askedInVain(asked: HostTls, fault: TlsFault, target: MxTarget, spoke: boolean): HostResult {
  const by = { dane: 'DANE', 'mta-sts': 'MTA-STS', require_tls: 'the message itself' }[
    asked.source ?? 'require_tls'
  ];
  const text = `${target.host} [${target.address}]: ${fault.text}; ${by} asks for it`;
  // RFC 3463 §3.8: X.7.5, cryptographic failure.
  const failure = silentFailure({ class: 'tls', status: '4.7.5', text, step: 'tls' });
  return { kind: 'next', failure, spoke, because: 'tlsAsked' };
}

/** What is told of a connection's TLS: a certificate that DNS names is verified, whoever issued it. */
function toldTls(
  tls: TlsVerdict,
  { source, enforced, certificate }: HostTls,
  fault: TlsFault | null,
): TlsVerdict {
  if (source === null) return tls;
  const { reason, ...verified } = { ...tls, verdict: 'verified' as const };
  const told = fault === null && typeof certificate === 'object' ? verified : tls;
  const mode = enforced ? 'enforce' : 'testing';
  return { ...told, policy: { source, mode, ...(fault ? { fault: fault.text.slice(0, 500) } : {}) } };
}

function silentResult(target: MxTarget, { silent }: Around): HostResult {
  const failure = silentFailure({ class: 'network', text: silent.textOf(target), step: 'connect' });
  return { kind: 'silent', failure, spoke: false };
}

async function open(
  slot: Slot,
  target: MxTarget,
  { patience, clock, plain }: Errand,
  around: Around,
): Promise<SmtpConnection | StepFailure> {
  if (slot.connection) return slot.connection;
  const beganMs = performance.now();
  const lastedMs = () => performance.now() - beganMs;
  const within = (ms: number) => Math.max(1, Math.min(ms, Math.ceil(patience.leftMs - lastedMs())));
  try {
    slot.connection = await around.open(target, { ...around, plain, clock, within });
    return slot.connection;
  } catch (error) {
    if (error instanceof StepFailure) return error;
    throw error;
  } finally {
    patience.leftMs -= lastedMs();
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
    case 'unable': {
      const failure = silentFailure(result);
      if (result.lacks !== 'SIZE') return { kind: 'next', failure, spoke: true, because: 'lacksExtension' };
      // RFC 1870 §6.1: another MX of the domain is not asked, since limits of a domain's hosts are alike.
      return { kind: 'decided', ending: { type: 'bounced', failure } };
    }
    case 'abandoned': {
      const text = `given up before DATA: ${result.text}`;
      const failure = silentFailure({ class: 'system', text, step: 'data' });
      return { kind: 'decided', ending: { type: 'deferred', failure } };
    }
    case 'refused': {
      const failure = replyFailure(result.reply, result.step, target);
      if (asksToSlowDown(failure)) slot.throttled();
      if (result.reply.code === 421) connection.destroy();
      // It may go on saying so to whatever comes over this connection.
      if (result.reply.code < 500 && result.step !== 'rcpt' && result.step !== 'final')
        connection.retired = true;
      const permanent = result.reply.code >= 500 && !isForWantOfTls(result.reply, connection);
      return { kind: 'decided', ending: { type: permanent ? 'bounced' : 'deferred', failure } };
    }
    case 'broken': {
      connection.destroy();
      const failure = brokenFailure(result.failure, target);
      if (!result.afterDot) return { kind: 'next', failure, spoke: true };
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

/** The delivery does not wait for RSET or QUIT; the slot does. */
function giveBack(slot: Slot): void {
  const { connection } = slot;
  // What had to do without encryption is not for a message that may not.
  if (connection?.retired || connection?.fellBack) {
    void connection.quit().then(() => slot.release());
    return;
  }
  if (!connection?.inTransaction) {
    slot.release();
    return;
  }
  void connection.reset().then((clean) => {
    if (!clean) connection.destroy();
    slot.release();
  });
}
