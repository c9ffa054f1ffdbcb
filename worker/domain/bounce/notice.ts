import { addressesIn, cleanAddress, isDaemon } from './address.ts';
import { hasAutoReplySubject } from './auto-reply.ts';
import { families } from './families/all.ts';
import type { NoticeFamily } from './families/family.ts';
import { general } from './families/general.ts';
import type { RecipientReport } from './recipient.ts';
import type { Action, ReturnedMail } from './returned-mail.ts';
import { headerOf } from './returned-mail.ts';
import { saidOf } from './said-of.ts';

/** Reports in prose: those of hosts that write no RFC 3464, or whose report part was lost on the way. */
export interface Notice {
  family: NoticeFamily | null;
  /** The lines of the report itself. */
  lines: string[];
  /** What follows the report: the copy of the original, as text. */
  copy: string;
}

const maxLines = 1500;
const maxLineLength = 1000;
const maxRecipients = 50;

/** Where the copy of the original begins when no family's line tells: its trace fields (RFC 5321 §4.4). */
const traceFields =
  /^(?:Received: ?(?:from|by|\(|via)|Return-Path: ?<|X-Received: ?by|DKIM-Signature: ?[av]=)/i;
const copyMarks = [...new Set(families.flatMap((family) => family.copy)), traceFields];

/** Splits a report from the copy below it and finds its family. */
export function readNotice(mail: ReturnedMail): Notice {
  const all = mail.text.split(/\r?\n/, maxLines).map((line) => line.slice(0, maxLineLength).trimEnd());
  const begin = all.findIndex((line, i) => i > 0 && copyMarks.some((mark) => mark.test(line)));
  const lines = begin === -1 ? all : all.slice(0, begin);
  const copy =
    begin === -1 ? '' : all.slice(copyMarks.at(-1)?.test(all[begin] ?? '') ? begin : begin + 1).join('\n');
  const seen = [
    `from: ${headerOf(mail.headers, 'from').slice(0, 320)}`,
    `subject: ${headerOf(mail.headers, 'subject').slice(0, 320)}`,
    '',
    lines.join('\n').slice(0, 8192),
  ].join('\n');
  return { family: families.find((f) => f.marks.some((mark) => mark.test(seen))) ?? null, lines, copy };
}

const bounceSubject =
  /undeliver|non[- ]?deliver|not delivered|returned (?:mail|to sender|message)|fail(?:ure|ed)|deliver\w{0,3} (?:status|fail|error|problem|report|notification|delayed|incomplete)|bounce|rejected|mail (?:system )?error|could not (?:be )?(?:sen[dt]|deliver)|unable to deliver|unzustell|non remis|devuelto|エラー|配信|недостав|не доставлено|退信/i;

/**
 * True when prose is a report of a failed or late delivery. A family's own sentence suffices; general words count
 * only from a machine or under a subject that tells a failure. A reply that quotes a report is none.
 */
export function isNotice(mail: ReturnedMail, notice: Notice): boolean {
  const subject = headerOf(mail.headers, 'subject').slice(0, 400);
  const fromDaemon =
    isDaemon(headerOf(mail.headers, 'from')) || headerOf(mail.headers, 'x-failed-recipients') !== '';
  if (hasAutoReplySubject(mail.headers) || (!fromDaemon && /^\s*(?:re|aw|sv)\s?:/i.test(subject)))
    return false;
  if (notice.family && notice.family !== general) return true;
  return [fromDaemon, bounceSubject.test(subject), notice.family === general].filter(Boolean).length >= 2;
}

const delaySubject =
  /\bdelay(?:ed)?\b|\bwarning: (?:message|could not send)|still being retried|verzögert|retardé|задерж/i;
const delayWords =
  /this is a warning message only|(?:has|have) not (?:yet )?been delivered|(?:has|have) been delayed|will (?:be retried|continue to (?:be )?(?:try|retr))|no action is required on your part|delivery attempts will continue|not need to resend/i;
const finalWords =
  /permanent (?:error|failure)|given up|giving up|failed permanently|could not be delivered/i;

/** Whether the host goes on trying (RFC 3464 §2.3.3 `delayed`). */
function actionOf(mail: ReturnedMail, notice: Notice): Action {
  const words = notice.lines.join('\n').slice(0, 8192);
  if (finalWords.test(words)) return 'failed';
  const subject = headerOf(mail.headers, 'subject').slice(0, 400);
  return delaySubject.test(subject) || delayWords.test(words) ? 'delayed' : 'failed';
}

/** The recipients that a report in prose names, with what it says of each. */
export function recipientsOfNotice(
  mail: ReturnedMail,
  notice: Notice,
  original: readonly string[],
): RecipientReport[] {
  const action = actionOf(mail, notice);
  const recipients = namedRecipients(mail, notice, original);
  return recipients.map((recipient) => ({
    recipient,
    action,
    status: null,
    diagnostic: saidOf(recipient, recipients, notice.lines),
    remoteMta: null,
  }));
}

/** X-Failed-Recipients (Exim, Gmail) first, then the lines of the family, any sentence, the original's recipient. */
export function namedRecipients(mail: ReturnedMail, notice: Notice, original: readonly string[]): string[] {
  const told = addressesIn(
    mail.headers
      .filter((field) => field.name === 'x-failed-recipients')
      .map((field) => field.value)
      .join(','),
    maxRecipients,
  );
  if (told.length > 0) return told;
  for (const patterns of [notice.family?.recipients ?? [], ...general.recipients.map((p) => [p])]) {
    const found = uniqueAddresses(notice.lines.map((line) => firstMatch(patterns, line)));
    if (found.length > 0) return found;
  }
  if (original.length > 0) return original.slice(0, 1);
  const others = addressesIn(`${headerOf(mail.headers, 'to')} ${headerOf(mail.headers, 'from')}`);
  const mentioned = addressesIn(notice.lines.join('\n'));
  return mentioned.filter((a) => !others.some((o) => o.toLowerCase() === a.toLowerCase())).slice(0, 1);
}

function firstMatch(patterns: readonly RegExp[], line: string): string {
  for (const pattern of patterns) {
    const found = pattern.exec(line)?.[1];
    if (found) return found;
  }
  return '';
}

function uniqueAddresses(candidates: readonly string[]): string[] {
  const found = new Map<string, string>();
  for (const candidate of candidates) {
    const address = candidate === '' ? null : cleanAddress(candidate);
    if (address && found.size < maxRecipients && !found.has(address.toLowerCase())) {
      found.set(address.toLowerCase(), address);
    }
  }
  return [...found.values()];
}
