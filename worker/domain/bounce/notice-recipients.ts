import { addressesIn, addressSource, cleanAddress } from './address.ts';
import { general } from './families/general.ts';
import { delaySubject, delayWords } from './languages.ts';
import type { Notice } from './notice.ts';
import type { RecipientReport } from './recipient.ts';
import { type Action, type HeaderField, headerOf, type ReturnedMail } from './returned-mail.ts';
import { saidOf } from './said-of.ts';

const maxRecipients = 50;

const finalWords = /permanent (?:error|failure|fatal)|given up|giving up|failed permanently/i;

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
  original: Original,
): RecipientReport[] {
  const action = actionOf(mail, notice);
  const recipients = namedRecipients(mail, notice, original);
  const said = saidOf(recipients, notice.lines);
  return recipients.map((recipient, i) => ({
    ...asGiven(recipient, said[i] ?? ''),
    action,
    status: null,
    diagnostic: said[i] ?? '',
    remoteMta: null,
    basis: notice.family === null || notice.family === general ? 'words' : 'family',
  }));
}

/** Postfix, sendmail: what the sender wrote is told beside where an alias or a list has led it. */
const expandedFrom = /\(expanded from:? <?([^\s<>()]{1,320})>?\)/i;

function asGiven(recipient: string, said: string): Pick<RecipientReport, 'recipient' | 'finalRecipient'> {
  const given = cleanAddress(expandedFrom.exec(said)?.[1] ?? '');
  return given === null ? { recipient } : { recipient: given, finalRecipient: recipient };
}

/** The original as far as it came back. */
export interface Original {
  fields: readonly HeaderField[];
  recipients: readonly string[];
}

const explicitLine = new RegExp(`^(?:<(${addressSource})>:|(${addressSource}):$)`);

/**
 * X-Failed-Recipients (Exim, Gmail) when the report names them too; else the lines of the family, any sentence,
 * the original's recipient, any other address, a local user alone. Never an address that the report was sent to or
 * from, or that the original came from.
 */
export function namedRecipients(mail: ReturnedMail, notice: Notice, original: Original): string[] {
  const text = notice.lines.join('\n');
  const told = failedRecipients(mail);
  const lower = text.toLowerCase();
  if (told.some((address) => lower.includes(address.toLowerCase()))) return told;
  const senders = sendersOf(mail, original);
  const named = (candidates: readonly string[]) =>
    candidates.filter((address) => !senders.has(address.toLowerCase()));
  const ofFamily = named(matched(notice, notice.family?.recipients ?? []));
  if (ofFamily.length > 0) return ofFamily;
  // Who mailed themselves: a host's `<address>:` is about nobody else (QSBMF; Postfix, Exim).
  const explicit = matched(notice, [explicitLine]);
  if (explicit.length > 0) return explicit;
  if (told.length > 0) return told;
  for (const sentence of general.recipients) {
    const found = named(matched(notice, [sentence]));
    if (found.length > 0) return found;
  }
  const ofOriginal = named(original.recipients);
  if (ofOriginal.length > 0) return ofOriginal.slice(0, 1);
  const mentioned = named(addressesIn(`${text}\n${headerOf(mail.headers, 'subject')}`));
  return mentioned.length > 0 ? mentioned.slice(0, 1) : localUser(mail, notice);
}

const senderFields = ['from', 'sender', 'reply-to', 'return-path', 'errors-to', 'list-post', 'list-owner'];

/** Addresses that are not the failed one, in lower case; who mails themselves may be both. */
function sendersOf(mail: ReturnedMail, { fields, recipients }: Original): Set<string> {
  const values = [
    ...['to', 'cc', 'from', 'delivered-to'].map((name) => headerOf(mail.headers, name)),
    ...senderFields.map((name) => headerOf(fields, name)),
  ];
  const senders = new Set(addressesIn(values.join('\n')).map((address) => address.toLowerCase()));
  for (const recipient of recipients) senders.delete(recipient.toLowerCase());
  return senders;
}

/** `wanda` on a line of its own below words of recipients, from a daemon of the mailbox's own host. */
function localUser(mail: ReturnedMail, notice: Notice): string[] {
  const domain = /@([^\s<>()"',;@]{1,255})/.exec(headerOf(mail.headers, 'from'))?.[1];
  const above = notice.lines.findIndex(
    (line) => /(?:recipient|following|user|address)/i.test(line) && /:$/.test(line),
  );
  const user = above === -1 ? null : /^\s{1,8}([\w.+-]{1,64})$/.exec(notice.lines[above + 1] ?? '')?.[1];
  return domain && user ? [`${user}@${domain}`] : [];
}

function failedRecipients(mail: ReturnedMail): string[] {
  const fields = mail.headers.filter((field) => field.name === 'x-failed-recipients');
  return addressesIn(fields.map((field) => field.value).join(','), maxRecipients);
}

function matched(notice: Notice, patterns: readonly RegExp[]): string[] {
  return uniqueAddresses(notice.lines.map((line) => (line.includes('@') ? firstMatch(patterns, line) : '')));
}

function firstMatch(patterns: readonly RegExp[], line: string): string {
  for (const pattern of patterns) {
    const match = pattern.exec(line);
    const found = match?.[1] ?? match?.[2];
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
