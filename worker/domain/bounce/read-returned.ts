import { type FeedbackReport, looksLikeFeedback, readFeedback, recipientsOfOriginal } from './arf.ts';
import { hasAutoReplySubject, isAutoReply, isChallenge } from './auto-reply.ts';
import { looksLikeDsn, readDsn } from './dsn.ts';
import { fieldGroups, headerFields } from './header-fields.ts';
import { delaySubject } from './languages.ts';
import { isForwarded, isNotice, isReply, type Notice, readNotice, tellsFailure } from './notice.ts';
import { namedRecipients, type Original, recipientsOfNotice } from './notice-recipients.ts';
import { judgeAll, type RecipientReport } from './recipient.ts';
import { type HeaderField, headerOf, type Returned, type ReturnedMail } from './returned-mail.ts';
import { saidOf } from './said-of.ts';
import { readSesNotification } from './ses-notification.ts';
import { betterStatus, isExpiry, toldReply } from './told-reply.ts';
import { type Writer, writerOf } from './writer.ts';

/** What a mail tells about itself, before its kind is known; what few mails need is read when they do. */
class Reading {
  readonly mail: ReturnedMail;
  readonly writer: Writer;
  #notice: Notice | null = null;
  #original: HeaderField[] | null = null;

  constructor(mail: ReturnedMail) {
    this.mail = mail;
    this.writer = writerOf(mail);
  }

  get notice(): Notice {
    this.#notice ??= readNotice(this.mail);
    return this.#notice;
  }

  /** Header fields of the original. */
  get original(): readonly HeaderField[] {
    this.#original ??= originalFields(this);
    return this.#original;
  }
}

type Told = Pick<Returned, 'kind' | 'recipients'> & Partial<Returned>;

/**
 * Reads what a mail to a return path says: a feedback report (RFC 5965), a delivery status notification
 * (RFC 3464), a report in prose, an automatic reply (RFC 3834); else a person's reply. Pure; never throws on
 * any input; time is linear in the text, which the caller bounds.
 */
export function readReturned(mail: ReturnedMail): Returned {
  const reading = new Reading(mail);
  const told: Told = sesNotification(reading) ??
    complaint(reading) ??
    statusNotification(reading) ??
    prose(reading) ??
    wordless(reading) ?? { kind: isAutomatic(reading) ? 'autoreply' : 'none', recipients: [] };
  return {
    originalMessageId: messageIdOf(reading),
    feedbackId: feedbackIdOf(reading.original),
    feedbackType: null,
    feedbackSource: null,
    subject: headerOf(mail.headers, 'subject').slice(0, 998),
    ...told,
  };
}

/** What a sender wrote into its message to know it again. */
function feedbackIdOf(original: Parameters<typeof headerOf>[0]): string | null {
  const ids = ['feedback-id', 'cfbl-feedback-id'].map((name) => headerOf(original, name));
  return ids.filter((id) => id !== '').join(' ') || null;
}

const reportTypes = ['message/delivery-status', 'message/global-delivery-status', 'text/delivery-status'];
const originalTypes = ['message/rfc822', 'text/rfc822-headers', 'message/global', 'message/global-headers'];

function originalFields(reading: Reading): HeaderField[] {
  const { mail } = reading;
  const part = mail.parts.find((p) => originalTypes.includes(p.type));
  const fields = headerFields(part?.text ?? reading.notice.copy);
  if (headerOf(fields, 'message-id') !== '') return fields;
  // A part of another type, or one that a broken boundary glued to the report.
  const groups = mail.parts.flatMap((p) => fieldGroups(p.text));
  return groups.find((group) => headerOf(group, 'message-id') !== '') ?? fields;
}

/** The original's Message-ID; an automatic reply tells it in In-Reply-To (RFC 3834 §3.1.5). */
function messageIdOf({ mail, original }: Reading): string | null {
  const told =
    headerOf(original, 'message-id') ||
    headerOf(mail.headers, 'in-reply-to') ||
    headerOf(mail.headers, 'references');
  const id = /<[^<>\s]{1,990}>/.exec(told)?.[0];
  // Some hosts take the angle brackets off (RFC 5322 §3.6.4 has them).
  return id ?? (/^[^<>\s]{1,490}@[^<>\s]{1,490}$/.test(told) ? `<${told}>` : null);
}

function sesNotification({ mail, writer }: Reading): Told | null {
  // What a person pastes into a mail has words around it.
  const ses = writer.person && !/^\s*\{/.test(mail.text) ? null : readSesNotification(mail.text);
  if (!ses) return null;
  const { kind, feedbackType, feedbackSource, originalMessageId } = ses;
  return {
    kind,
    feedbackType,
    feedbackSource,
    originalMessageId,
    recipients: judgeAll(ses.recipients),
  };
}

function complaint(reading: Reading): Told | null {
  const text = feedbackText(reading);
  const report = text === undefined ? complaintWithoutReport(reading) : readFeedback(text);
  if (!report) return null;
  const recipients =
    report.recipients.length > 0 ? report.recipients : recipientsOfOriginal(reading.original);
  const about = {
    action: 'delivered',
    status: null,
    diagnostic: '',
    remoteMta: null,
    basis: 'report',
  } as const;
  return {
    kind: 'complaint',
    recipients: judgeAll(recipients.map((recipient) => ({ recipient, ...about }))),
    ...(report.recipients.length > 0 && { namedByReporter: true }),
    feedbackType: report.type,
    feedbackSource: report.source ?? (headerOf(reading.mail.headers, 'from') || null),
  };
}

/**
 * True for what is a report by its own type (RFC 3464 §2, RFC 5965 §2: `multipart/report` at the top). From a person
 * nothing else is one: forwarding puts reports, or their parts, into other mail.
 */
function mayReport({ mail, writer }: Reading): boolean {
  return !writer.person || /^\s*multipart\/report\b/i.test(headerOf(mail.headers, 'content-type'));
}

/** The report's own part, or one that lost its type; not a report that an original or a reply quotes. */
function feedbackText(reading: Reading): string | undefined {
  const { mail, writer } = reading;
  if (!mayReport(reading)) return undefined;
  const own = mail.parts.find((part) => part.type === 'message/feedback-report');
  if (own || writer.person) return own?.text;
  const others = mail.parts.filter((part) => !originalTypes.includes(part.type)).map((part) => part.text);
  return [...others, ...(isReply(mail, writer) ? [] : [mail.text])].find(looksLikeFeedback);
}

/** Microsoft's Junk Mail Reporting Program forwards the original and says no more than its subject. */
function complaintWithoutReport({ mail, writer }: Reading): FeedbackReport | null {
  const told = /^\s*complaint about message from (?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f:]{3,45})\s*$/i.test(
    headerOf(mail.headers, 'subject'),
  );
  const originals = mail.parts.filter((part) => originalTypes.includes(part.type));
  const forwarded = originals.length > 0;
  const marked = originals.some((part) => /^x-hmxmroriginalrecipient ?:/im.test(part.text));
  const fromProgram = /\bstaff@(?:hotmail|live|outlook|msn)\.com\b/i.test(headerOf(mail.headers, 'from'));
  const believed = writer.person ? told && forwarded && fromProgram : (told && forwarded) || marked;
  return believed ? { type: 'abuse', source: null, recipients: [] } : null;
}

function statusNotification(reading: Reading): Told | null {
  const reports = dsnReports(reading);
  return reports.length > 0 ? { kind: kindOf(reports), recipients: judgeAll(reports) } : null;
}

/** The report's own part; else its fields in the readable text, or in a report that was forwarded whole. */
function dsnReports(reading: Reading): RecipientReport[] {
  const { mail, writer } = reading;
  if (!mayReport(reading)) return [];
  const own = mail.parts.filter((part) => reportTypes.includes(part.type)).map((part) => part.text);
  const quotes = isReply(mail, writer) && !(writer.path === 'unknown' && isForwarded(mail));
  let reports = firstReports(own);
  if (reports.length === 0 && !writer.person) {
    const text = quotes ? [] : [reading.notice.lines.join('\n'), mail.text];
    const forwarded = mail.parts.filter((part) => originalTypes.includes(part.type));
    reports = firstReports([...text, ...forwarded.map((part) => part.text)]);
  }
  // What is no mailbox (a file, a local user, nothing) may have a better name in words.
  const words = reports.some((report) => !report.recipient.includes('@'))
    ? (namedRecipients(mail, reading.notice, originalOf(reading))[0] ?? '')
    : '';
  const known = reports.map((report) =>
    report.recipient === '' || (words !== '' && !/^[\w.+-]+$|@/.test(report.recipient))
      ? { ...report, recipient: words || report.recipient }
      : report,
  );
  return withWords(known, reading);
}

function originalOf({ original }: Reading): Original {
  return { fields: original, recipients: recipientsOfOriginal(original) };
}

function firstReports(texts: readonly string[]): RecipientReport[] {
  for (const text of texts) {
    const reports = looksLikeDsn(text) ? readDsn(text.replace(/^(?:> ?){1,4}/gm, '')) : [];
    if (reports.length > 0) return reports;
  }
  return [];
}

/** A report that tells no cause: the readable part may quote the reply. */
function withWords(reports: readonly RecipientReport[], reading: Reading): RecipientReport[] {
  const recipients = reports.map((report) => report.recipient);
  let said: string[] | null = null;
  return reports.map((report, i) => {
    if (report.action !== 'failed' && report.action !== 'delayed') return report;
    const status = betterStatus(report.status, toldReply(report.diagnostic));
    if (report.diagnostic !== '' && !(status && isExpiry(status))) return report;
    said ??= saidOf(recipients, reading.notice.lines);
    return { ...report, diagnostic: `${report.diagnostic}\n${said[i] ?? ''}`.trim() };
  });
}

function prose(reading: Reading): Told | null {
  const { mail, writer } = reading;
  if (writer.person && !writer.automatic) return null;
  const { notice } = reading;
  const hasReportPart = !writer.person && mail.parts.some((part) => reportTypes.includes(part.type));
  if (!hasReportPart && !isNotice(mail, notice, writer)) return null;
  const reports = recipientsOfNotice(mail, notice, originalOf(reading));
  if (reports.length === 0) return null;
  // A sender that is not null may be anybody who calls themselves so: the words tell, and hold nobody back.
  const recipients = judgeAll(reports).map((one) =>
    writer.path === 'address' ? { ...one, certain: false } : one,
  );
  return { kind: kindOf(reports), recipients };
}

/** A daemon's report of which no more than its form or its subject is left: whose it is, the return path tells. */
function wordless(reading: Reading): Told | null {
  const { mail, writer } = reading;
  if (!writer.daemon || writer.path === 'address' || isReply(mail, writer)) return null;
  const isReport = /report-type ?= ?"?delivery-status/i.test(headerOf(mail.headers, 'content-type'));
  if (!isReport && !(tellsFailure(mail) || reading.notice.family)) return null;
  const delayed = delaySubject.test(headerOf(mail.headers, 'subject').slice(0, 400));
  return { kind: delayed ? 'delay' : 'bounce', recipients: [] };
}

/** RFC 3834; nobody writes from the null sender, and a daemon's report is no answer. */
function isAutomatic({ mail, writer }: Reading): boolean {
  if (writer.daemon && writer.path !== 'address') return hasAutoReplySubject(mail.headers) || isAnswer(mail);
  return isAutoReply(mail.headers) || writer.path === 'null' || isChallenge(mail.text);
}

/** RFC 3834 §5: `auto-replied` is what answers a mail. */
function isAnswer({ headers }: ReturnedMail): boolean {
  return /^auto-replied/i.test(headerOf(headers, 'auto-submitted').trim());
}

function kindOf(reports: readonly RecipientReport[]): Returned['kind'] {
  if (reports.some((report) => report.action === 'failed')) return 'bounce';
  return reports.some((report) => report.action === 'delayed') ? 'delay' : 'delivered';
}
