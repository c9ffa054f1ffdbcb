import { classifyFailure } from '../classify-failure.ts';
import type { FailureClass } from '../failure-class.ts';
import type { Action, ReturnedRecipient } from './returned-mail.ts';
import { betterStatus, toldReply } from './told-reply.ts';

/** What a report tells of one recipient, before it is judged. */
export interface RecipientReport {
  /** Empty when the report names none, or a file or a program. */
  recipient: string;
  action: Action;
  /** Status that the report gives by itself. */
  status: string | null;
  diagnostic: string;
  remoteMta: string | null;
}

/** Failures that may pass, even when a host gave up and told no code. */
const passing: readonly FailureClass[] = ['network', 'rate_limited', 'greylisted'];
const maxDiagnosticLength = 1024;

/** Judges a report: the status and the code that it tells, class and permanence. */
export function judge(report: RecipientReport): ReturnedRecipient {
  const told = toldReply(report.diagnostic);
  const done = report.action !== 'failed' && report.action !== 'delayed';
  const status = done ? report.status : betterStatus(report.status, told);
  const text = report.diagnostic.slice(0, 4096);
  const failure = done ? 'unknown' : classifyFailure({ code: told.code, status, text });
  return {
    recipient: report.recipient,
    status,
    replyCode: told.code,
    diagnostic: text.replace(/\s+/g, ' ').trim().slice(0, maxDiagnosticLength),
    remoteMta: report.remoteMta,
    class: failure,
    permanent: report.action === 'failed' && isPermanent(status, told.code, failure, text),
    action: report.action,
  };
}

const saysPermanent = /permanent (?:failure|fatal)|failed permanently/i;
const saysExpired = /retry time|time ?out exceeded|for a long time|deferred/i;

/** RFC 3463 §3.1: the first digit tells; a code's does so too (RFC 5321 §4.2.1); else the host's words. */
function isPermanent(
  status: string | null,
  code: number | null,
  failure: FailureClass,
  text: string,
): boolean {
  if (status) return status.startsWith('5');
  if (code !== null) return code >= 500;
  return !passing.includes(failure) || (saysPermanent.test(text) && !saysExpired.test(text));
}
