import { hasAutoReplySubject } from './auto-reply.ts';
import { families } from './families/all.ts';
import type { NoticeFamily } from './families/family.ts';
import { general } from './families/general.ts';
import { delaySubject, delayWords, failureSubject } from './languages.ts';
import { headerOf, type ReturnedMail } from './returned-mail.ts';
import type { Writer } from './writer.ts';

/** Reports in prose: those of hosts that write no RFC 3464, or whose report part was lost on the way. */
export interface Notice {
  family: NoticeFamily | null;
  /** The lines of the report itself, without what it quotes. */
  lines: string[];
  /** What follows the report: the copy of the original, as text. */
  copy: string;
}

const maxLines = 1500;
const maxLineLength = 1000;

/** Where the copy of the original begins when no family's line tells: its trace fields (RFC 5321 §4.4). */
const traceFields =
  /^(?:Received: ?(?:from|by|\(|via)|Return-Path: ?<|X-Received: ?by|DKIM-Signature: ?[av]=)/i;
/** Lines that are quoted: a person's answer, never a host's words. A transcript's `>>> RCPT TO` is none. */
const quotedLine = /^\s{0,4}(?:>(?!>> )|\|\s)/;

function anyLine(patterns: readonly RegExp[]): RegExp {
  return new RegExp(patterns.map((pattern) => pattern.source).join('|'), 'i');
}

/** Lines with words begin the copy in every report; ornaments alone only in those of their own family. */
const wordedMarks = [...families.flatMap((family) => family.copy), traceFields].filter((mark) =>
  /[a-z]{4}/.test(mark.source),
);
const anyMark = anyLine(wordedMarks);
const ownMarks = new Map(families.map((family) => [family, anyLine([...family.copy, ...wordedMarks])]));

/** Splits a report from the copy below it and finds its family. */
export function readNotice(mail: ReturnedMail): Notice {
  const all = mail.text.split(/\r?\n/, maxLines).map((line) => line.slice(0, maxLineLength).trimEnd());
  const family = familyOf(mail, unquoted(all.slice(0, firstOf(all, anyMark))));
  const begin = firstOf(all, (family && ownMarks.get(family)) ?? anyMark);
  const isTrace = traceFields.test(all[begin] ?? '');
  return {
    family,
    lines: unquoted(all.slice(0, begin)),
    copy: all.slice(isTrace ? begin : begin + 1).join('\n'),
  };
}

/** The number of the first line, but for the very first, that a pattern matches; else how many there are. */
function firstOf(lines: readonly string[], pattern: RegExp): number {
  for (let i = 1; i < lines.length; i++) if (pattern.test(lines[i] ?? '')) return i;
  return lines.length;
}

function unquoted(lines: readonly string[]): string[] {
  return lines.filter((line) => !quotedLine.test(line));
}

function familyOf(mail: ReturnedMail, lines: readonly string[]): NoticeFamily | null {
  const seen = [
    `from: ${headerOf(mail.headers, 'from').slice(0, 320)}`,
    `subject: ${headerOf(mail.headers, 'subject').slice(0, 320)}`,
    '',
    lines.join('\n').slice(0, 8192),
  ].join('\n');
  return families.find((f) => f.marks.some((mark) => mark.test(seen))) ?? null;
}

/**
 * True when prose is a report of a failed or late delivery. What a person sent never is, whatever it quotes. From the
 * null sender a family's own sentence suffices, and so do general words under a subject that tells a failure or from a
 * daemon; when the sender is not null, or not known, whoever writes must also be called like a program.
 */
export function isNotice(mail: ReturnedMail, notice: Notice, writer: Writer): boolean {
  if ((writer.person && !writer.automatic) || isReply(mail, writer)) return false;
  const ofFamily = notice.family !== null && notice.family !== general;
  const hasWords = notice.family !== null || delayWords.test(notice.lines.join('\n').slice(0, 8192));
  const fails = tellsFailure(mail);
  if (writer.daemon) return ofFamily || fails || (hasWords && writer.path !== 'address');
  switch (writer.path) {
    case 'null':
      return ofFamily || (fails && (hasWords || writer.machine));
    case 'unknown':
      return ofFamily || ((writer.automatic || writer.machine) && fails && hasWords);
    case 'address':
      return ofFamily && fails;
  }
}

/** True when the subject tells that something was not delivered, or not yet. */
export function tellsFailure(mail: ReturnedMail): boolean {
  const subject = subjectOf(mail);
  return failureSubject.test(subject) || delaySubject.test(subject);
}

const replySubject =
  /^\s*(?:\[[^\]]{1,60}\] ?)?(?:re|aw|sv|antw|odp|vs|ynt|ref|回复|回覆|답장|답변|返信)\s?(?:\[\d{1,3}\])?[:：]/i;
const forwardSubject = /^\s*(?:fwd?|wg|tr|i|rif|rv|enc|doorst|pd|vl|ilt|転送|转发|轉寄|전달)\s?[:：]/i;
const ticketSubject =
  /[[(#](?:ticket|case|issue|request|anfrage|vorgang|ref)?[ :#-]{0,3}[a-z]{0,8}-?\d{2,}[\])]?/i;

/** True for what was passed on by hand; where nobody knows from whom, a report inside may be all there is. */
export function isForwarded(mail: ReturnedMail): boolean {
  return forwardSubject.test(subjectOf(mail));
}

/**
 * True for replies, of people or programs, that may quote a report but are none. Nobody answers from the null sender,
 * so there only the words of automatic replies count, and not a daemon's.
 */
export function isReply(mail: ReturnedMail, writer: Writer): boolean {
  if (writer.path === 'null') return !writer.daemon && hasAutoReplySubject(mail.headers);
  const subject = subjectOf(mail);
  if (writer.daemon && writer.path === 'unknown') return hasAutoReplySubject(mail.headers);
  return (
    hasAutoReplySubject(mail.headers) ||
    replySubject.test(subject) ||
    forwardSubject.test(subject) ||
    (writer.path === 'address' && ticketSubject.test(subject))
  );
}

function subjectOf(mail: ReturnedMail): string {
  return headerOf(mail.headers, 'subject').slice(0, 400);
}
