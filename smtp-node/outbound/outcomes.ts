import type { Failure, SmtpReply, StepName } from '#domain/delivery/outcome.ts';
import { classifyFailure } from '#domain/failure/classify-failure.ts';
import type { FailureClass } from '#domain/failure/failure-class.ts';
import { formatReply } from '#domain/failure/smtp-reply.ts';
import type { StepFailure } from './failures.ts';
import type { MxTarget } from './mx-order.ts';

const maxTextLength = 4096;

/** A failure that no SMTP server spoke of. */
export function silentFailure(
  of: { class: FailureClass; text: string } & Partial<Pick<Failure, 'status' | 'step' | 'code'>>,
): Failure {
  return {
    reply: null,
    status: of.status ?? null,
    class: of.class,
    text: bounded(of.text),
    step: of.step ?? null,
    code: of.code ?? null,
  };
}

/** A refusal in an SMTP server's words. */
export function replyFailure(reply: SmtpReply, step: StepName, target: MxTarget): Failure {
  return {
    reply,
    status: null,
    class: classifyFailure(reply),
    text: bounded(`${target.host} refused ${stepWords[step]}: ${formatReply(reply)}`),
    step,
    code: null,
  };
}

/** A dialogue that was refused or broke. A network error has no SMTP code and gets none. */
export function brokenFailure(failure: StepFailure, target: MxTarget): Failure {
  if (failure.reply && failure.kind !== 'protocol') return replyFailure(failure.reply, failure.step, target);
  return {
    // A reply that makes no sense where it came is told, but its code decides nothing.
    reply: failure.reply,
    status: null,
    class: failure.kind,
    text: bounded(`${target.host} [${target.address}]: ${failure.message}`),
    step: failure.step,
    code: failure.code,
  };
}

/**
 * A 421, or a refusal that speaks of too much at once: fewer connections, and a pause. Not so a status about the
 * mailbox (RFC 3463 §3.3, X.2.z): one busy recipient is not the host's trouble.
 */
export function asksToSlowDown(failure: Failure): boolean {
  if (failure.reply === null || failure.reply.code >= 500) return false;
  if (failure.reply.status?.startsWith('4.2.')) return false;
  return failure.reply.code === 421 || failure.class === 'rate_limited';
}

export function bounded(text: string): string {
  return text.slice(0, maxTextLength).toWellFormed();
}

const stepWords: Record<StepName, string> = {
  dns: 'the lookup',
  wait: 'the wait',
  sign: 'the signature',
  connect: 'the connection',
  greeting: 'the connection',
  ehlo: 'EHLO',
  tls: 'STARTTLS',
  auth: 'the sign-in',
  mail: 'the sender',
  rcpt: 'the recipient',
  data: 'the data',
  final: 'the message',
};
