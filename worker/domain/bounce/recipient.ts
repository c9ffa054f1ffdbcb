import { classifyFailure } from '../failure/classify-failure.ts';
import type { FailureClass } from '../failure/failure-class.ts';
import type { Action, ReturnedRecipient } from './returned-mail.ts';
import { betterStatus, toldReply } from './told-reply.ts';

/** What a report tells of one recipient, before it is judged. */
export interface RecipientReport {
  /** Empty when the report names none. */
  recipient: string;
  /** Where the report names the address that was sent to and another one where it ended: the latter. */
  finalRecipient?: string | undefined;
  action: Action;
  /** Status that the report gives by itself. */
  status: string | null;
  diagnostic: string;
  remoteMta: string | null;
  /** What tells of it: fields of a report (RFC 3464), the sentences of a known family, or words that anybody may write. */
  basis: 'report' | 'family' | 'words';
}

/** Failures that may pass, even when a host gave up and told no code. */
const passing: readonly FailureClass[] = ['network', 'rate_limited', 'greylisted'];
const maxDiagnosticLength = 1024;

/** Judges reports: the status and the code that each tells, class and permanence; equal texts are classified once. */
export function judgeAll(reports: readonly RecipientReport[]): ReturnedRecipient[] {
  const known = new Map<string, FailureClass>();
  return reports.map((report) =>
    judge(report, (facts) => {
      const key = `${facts.code} ${facts.status} ${facts.text}`;
      const found = known.get(key) ?? classifyFailure(facts);
      known.set(key, found);
      return found;
    }),
  );
}

function judge(report: RecipientReport, classOf: typeof classifyFailure): ReturnedRecipient {
  const told = toldReply(report.diagnostic);
  const done = report.action !== 'failed' && report.action !== 'delayed';
  const status = done ? report.status : betterStatus(report.status, told);
  const text = report.diagnostic.slice(0, 4096);
  const failure = done ? 'unknown' : classOf({ code: told.code, status, text });
  return {
    recipient: report.recipient,
    finalRecipient: report.finalRecipient ?? null,
    certain: report.basis === 'report' || isCertain(report.basis, status, told.code),
    status,
    replyCode: told.code,
    diagnostic: text.replace(/\s+/g, ' ').trim().slice(0, maxDiagnosticLength),
    remoteMta: report.remoteMta,
    class: failure,
    permanent: report.action === 'failed' && isPermanent(status, told.code, failure, text),
    action: report.action,
  };
}

/**
 * Whether a class that only prose tells is sure enough to suppress somebody: a server's reply stands in it, and either
 * a status of RFC 3463 or a known family's form says that the reply is about this recipient.
 */
function isCertain(basis: RecipientReport['basis'], status: string | null, code: number | null): boolean {
  return status !== null || (basis === 'family' && code !== null);
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
