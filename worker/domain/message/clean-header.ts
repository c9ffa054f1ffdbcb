import { fieldsNamed, type HeaderField, type SplitMessage } from './header.ts';

/** Fields that a message has at most once (RFC 5322 §3.6; for those of MIME, RFC 2045 §3). */
const onceOnly = [
  'From', 'Sender', 'Reply-To', 'To', 'Cc', 'Subject', 'Date', 'Message-ID', 'In-Reply-To', 'References',
  'MIME-Version', 'Content-Type', 'Content-Transfer-Encoding', 'Content-ID', 'Content-Disposition',
] as const; // biome-ignore format: one line reads better

/**
 * Fields that are not for the recipient: blind copies (RFC 5322 §3.6.3, §3.6.6), and the return path, which the
 * host of final delivery writes and nobody before it (RFC 5321 §4.4).
 */
const notForRecipients = ['bcc', 'resent-bcc', 'return-path'];

/** RFC 5321 §6.3: a message with more trace fields than this goes in a circle. */
const mostHops = 100;

/** The separator line of a mailbox file, which cron and other local programs leave in front of a message. */
const mailboxLine = /^>?From (?![ \t]*:)/;

/** Text whose first line can be a field: the separator line of a mailbox file is made one. */
export function withoutMailboxLine(text: string): string {
  return mailboxLine.test(text) ? `X-Mailbox-Line: ${text}` : text;
}

/**
 * A header as it may travel: without fields that are not for recipients, without an empty Message-ID or Date (which
 * have no meaning and are written anew), and without blanks before a colon (RFC 5322 §4.5: obsolete, and read
 * differently by different programs). All else stays byte for byte.
 */
export function cleanHeader(message: SplitMessage): SplitMessage {
  const fields = message.fields
    .filter(({ name, value }) => !isUnwanted(name.toLowerCase(), value))
    .map((field) => (field.raw[field.name.length] === ':' ? field : withoutBlank(field)));
  return { ...message, fields };
}

function isUnwanted(name: string, value: string): boolean {
  return notForRecipients.includes(name) || (value === '' && (name === 'message-id' || name === 'date'));
}

function withoutBlank(field: HeaderField): HeaderField {
  return { ...field, raw: `${field.name}${field.raw.slice(field.raw.indexOf(':'))}` };
}

/**
 * What is wrong with the fields of a message as a whole; null when nothing is.
 * @returns the field, and a sentence about it
 */
export function headerFault(fields: readonly HeaderField[]): { field: string; fault: string } | null {
  for (const field of onceOnly) {
    const fault = repeatFault(field, fieldsNamed(fields, field).length);
    if (fault) return { field, fault };
  }
  if (fieldsNamed(fields, 'received').length > mostHops) {
    const fault = `the message has more than ${mostHops} Received fields: it goes in a circle (RFC 5321 §6.3)`;
    return { field: 'Received', fault };
  }
  return null;
}

/** What is wrong when a field is there `count` times; null when it may be. */
export function repeatFault(name: string, count: number): string | null {
  if (count < 2 || !onceOnly.some((one) => one.toLowerCase() === name.toLowerCase())) return null;
  return `the message must have at most one ${name} field, it has ${count} (RFC 5322 §3.6)`;
}
