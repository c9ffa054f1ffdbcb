import { addressesIn, cleanAddress } from './address.ts';
import { general } from './families/general.ts';
import type { Notice } from './notice.ts';
import type { RecipientReport } from './recipient.ts';
import { type Action, headerOf, type ReturnedMail } from './returned-mail.ts';
import { saidOf } from './said-of.ts';

const maxRecipients = 50;

const delaySubject =
  /\bdelay(?:ed)?\b|\bwarning: (?:message|could not send)|still being retried|verzögert|retardé|задерж/i;
const delayWords =
  /this is a warning (?:message )?only|(?:has|have) not yet been delivered|(?:has|have) been delayed|will (?:be retried|continue to (?:be )?(?:try|retr))|no action is required on your part|delivery attempts will continue|not need to resend/i;
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

/**
 * X-Failed-Recipients (Exim, Gmail) when the report names them too; else the lines of the family, any sentence,
 * the original's recipient, any address but the sender's.
 */
export function namedRecipients(mail: ReturnedMail, notice: Notice, original: readonly string[]): string[] {
  const text = notice.lines.join('\n');
  const told = failedRecipients(mail);
  if (told.some((address) => text.toLowerCase().includes(address.toLowerCase()))) return told;
  const ofFamily = matched(notice, notice.family?.recipients ?? []);
  if (ofFamily.length > 0) return ofFamily;
  if (told.length > 0) return told;
  for (const sentence of general.recipients) {
    const found = matched(notice, [sentence]);
    if (found.length > 0) return found;
  }
  if (original.length > 0) return original.slice(0, 1);
  const others = addressesIn(`${headerOf(mail.headers, 'to')} ${headerOf(mail.headers, 'from')}`);
  const mentioned = addressesIn(text);
  return mentioned.filter((a) => !others.some((o) => o.toLowerCase() === a.toLowerCase())).slice(0, 1);
}

function failedRecipients(mail: ReturnedMail): string[] {
  const fields = mail.headers.filter((field) => field.name === 'x-failed-recipients');
  return addressesIn(fields.map((field) => field.value).join(','), maxRecipients);
}

function matched(notice: Notice, patterns: readonly RegExp[]): string[] {
  return uniqueAddresses(notice.lines.map((line) => firstMatch(patterns, line)));
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
