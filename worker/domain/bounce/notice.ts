import { isDaemon } from './address.ts';
import { hasAutoReplySubject } from './auto-reply.ts';
import { families } from './families/all.ts';
import type { NoticeFamily } from './families/family.ts';
import { general } from './families/general.ts';
import { headerOf, type ReturnedMail } from './returned-mail.ts';

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
 * only from a daemon, or from a machine under a subject that tells a failure: people write such words as well.
 */
export function isNotice(mail: ReturnedMail, notice: Notice): boolean {
  if (isReply(mail)) return false;
  if (notice.family && notice.family !== general) return true;
  const tellsFailure = bounceSubject.test(subjectOf(mail));
  const hasWords = notice.family === general;
  return fromDaemon(mail) ? tellsFailure || hasWords : fromMachine(mail) && tellsFailure && hasWords;
}

/** True for replies, of people or programs, that may quote a report but are none. */
export function isReply(mail: ReturnedMail): boolean {
  return (
    hasAutoReplySubject(mail.headers) || (!fromDaemon(mail) && /^\s*(?:re|aw|sv)\s?:/i.test(subjectOf(mail)))
  );
}

function subjectOf(mail: ReturnedMail): string {
  return headerOf(mail.headers, 'subject').slice(0, 400);
}

function fromDaemon(mail: ReturnedMail): boolean {
  return isDaemon(headerOf(mail.headers, 'from')) || headerOf(mail.headers, 'x-failed-recipients') !== '';
}

/** Notifications have the null reverse-path (RFC 5321 §4.5.5) or say that they are automatic (RFC 3834 §5). */
function fromMachine(mail: ReturnedMail): boolean {
  const path = headerOf(mail.headers, 'return-path').trim();
  return path === '<>' || /^auto-/i.test(headerOf(mail.headers, 'auto-submitted'));
}
