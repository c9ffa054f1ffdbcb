import { type FeedbackReport, looksLikeFeedback, readFeedback, recipientsOfOriginal } from './arf.ts';
import { isAutoReply } from './auto-reply.ts';
import { looksLikeDsn, readDsn } from './dsn.ts';
import { fieldGroups, headerFields } from './header-fields.ts';
import { isNotice, isReply, type Notice, readNotice } from './notice.ts';
import { namedRecipients, recipientsOfNotice } from './notice-recipients.ts';
import { judge, type RecipientReport } from './recipient.ts';
import { type HeaderField, headerOf, type Returned, type ReturnedMail } from './returned-mail.ts';
import { saidOf } from './said-of.ts';
import { readSesNotification } from './ses-notification.ts';
import { betterStatus, isExpiry, toldReply } from './told-reply.ts';

/** What a mail tells about itself, before its kind is known. */
interface Reading {
  mail: ReturnedMail;
  notice: Notice;
  /** Header fields of the original. */
  original: readonly HeaderField[];
}

type Told = Pick<Returned, 'kind' | 'recipients'> & Partial<Returned>;

/**
 * Reads what a mail to a return path says: a feedback report (RFC 5965), a delivery status notification
 * (RFC 3464), a report in prose, an automatic reply (RFC 3834); else a person's reply. Pure; never throws on
 * any input; time is linear in the text, which the caller bounds.
 */
export function readReturned(mail: ReturnedMail): Returned {
  const notice = readNotice(mail);
  const reading = { mail, notice, original: originalFields(mail, notice) };
  const told =
    sesNotification(reading) ??
    complaint(reading) ??
    statusNotification(reading) ??
    prose(reading) ??
    ({ kind: isAutoReply(mail.headers) ? 'autoreply' : 'none', recipients: [] } satisfies Told);
  return {
    originalMessageId: messageIdOf(reading),
    feedbackId: headerOf(reading.original, 'feedback-id') || null,
    feedbackType: null,
    feedbackSource: null,
    subject: headerOf(mail.headers, 'subject').slice(0, 998),
    ...told,
  };
}

const reportTypes = ['message/delivery-status', 'message/global-delivery-status', 'text/delivery-status'];
const originalTypes = ['message/rfc822', 'text/rfc822-headers', 'message/global', 'message/global-headers'];

function originalFields(mail: ReturnedMail, notice: Notice): HeaderField[] {
  const part = mail.parts.find((p) => originalTypes.includes(p.type));
  const fields = headerFields(part?.text ?? notice.copy);
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

function sesNotification({ mail }: Reading): Told | null {
  const ses = readSesNotification(mail.text);
  return ses && { ...ses, recipients: ses.recipients.map(judge) };
}

function complaint(reading: Reading): Told | null {
  const text = feedbackText(reading);
  const report = text === undefined ? complaintWithoutReport(reading) : readFeedback(text);
  if (!report) return null;
  const recipients =
    report.recipients.length > 0 ? report.recipients : recipientsOfOriginal(reading.original);
  const about = { action: 'delivered', status: null, diagnostic: '', remoteMta: null } as const;
  return {
    kind: 'complaint',
    recipients: recipients.map((recipient) => judge({ recipient, ...about })),
    feedbackType: report.type,
    feedbackSource: report.source ?? (headerOf(reading.mail.headers, 'from') || null),
  };
}

/** The report's own part, or one that lost its type; not a report that an original or a reply quotes. */
function feedbackText({ mail }: Reading): string | undefined {
  const own = mail.parts.find((part) => part.type === 'message/feedback-report');
  const others = mail.parts.filter((part) => !originalTypes.includes(part.type)).map((part) => part.text);
  return own?.text ?? [...others, ...(isReply(mail) ? [] : [mail.text])].find(looksLikeFeedback);
}

/** Microsoft's Junk Mail Reporting Program forwards the original and says no more than its subject. */
function complaintWithoutReport({ mail, original }: Reading): FeedbackReport | null {
  const told = /^\s*complaint about message from /i.test(headerOf(mail.headers, 'subject'));
  const marked = headerOf(original, 'x-hmxmroriginalrecipient') !== '';
  return told || marked ? { type: 'abuse', source: null, recipients: [] } : null;
}

function statusNotification(reading: Reading): Told | null {
  const reports = dsnReports(reading);
  return reports.length > 0 ? { kind: kindOf(reports), recipients: reports.map(judge) } : null;
}

/** The report's own part; else its fields in the readable text, or in a report that was forwarded whole. */
function dsnReports({ mail, notice, original }: Reading): RecipientReport[] {
  const texts = [
    ...mail.parts.filter((part) => reportTypes.includes(part.type)).map((part) => part.text),
    ...(isReply(mail) ? [] : [notice.lines.join('\n'), mail.text]),
    ...mail.parts.filter((part) => originalTypes.includes(part.type)).map((part) => part.text),
  ];
  const reports = firstReports(texts);
  const named = reports.some((report) => report.recipient === '')
    ? (namedRecipients(mail, notice, recipientsOfOriginal(original))[0] ?? '')
    : '';
  const known = reports
    .map((report) => (report.recipient === '' ? { ...report, recipient: named } : report))
    .filter((report) => report.recipient !== '');
  const recipients = known.map((report) => report.recipient);
  return known.map((report) => withWords(report, recipients, notice));
}

function firstReports(texts: readonly string[]): RecipientReport[] {
  for (const text of texts) {
    const reports = looksLikeDsn(text) ? readDsn(text.replace(/^(?:> ?){1,4}/gm, '')) : [];
    if (reports.length > 0) return reports;
  }
  return [];
}

/** A report that tells no cause: the readable part may quote the reply. */
function withWords(report: RecipientReport, all: readonly string[], notice: Notice): RecipientReport {
  if (report.action !== 'failed' && report.action !== 'delayed') return report;
  const status = betterStatus(report.status, toldReply(report.diagnostic));
  if (report.diagnostic !== '' && !(status && isExpiry(status))) return report;
  const diagnostic = `${report.diagnostic}\n${saidOf(report.recipient, all, notice.lines)}`;
  return { ...report, diagnostic: diagnostic.trim() };
}

function prose({ mail, notice, original }: Reading): Told | null {
  const hasReportPart = mail.parts.some((part) => reportTypes.includes(part.type));
  if (!hasReportPart && !isNotice(mail, notice)) return null;
  const reports = recipientsOfNotice(mail, notice, recipientsOfOriginal(original));
  return reports.length > 0 ? { kind: kindOf(reports), recipients: reports.map(judge) } : null;
}

function kindOf(reports: readonly RecipientReport[]): Returned['kind'] {
  if (reports.some((report) => report.action === 'failed')) return 'bounce';
  return reports.some((report) => report.action === 'delayed') ? 'delay' : 'delivered';
}
