import { fieldGroups } from './header-fields.ts';
import type { RecipientReport } from './recipient.ts';
import { type Action, type HeaderField, headerOf } from './returned-mail.ts';

/**
 * Delivery status notifications: RFC 3464, the global form of RFC 6533, and what hosts make of them: fields
 * of several recipients in one group, missing address types, statuses with comments, words of their own.
 */

/** Words of `Action`, RFC 3464 §2.3.3 and hosts' own. */
const actions: ReadonlyMap<string, Action> = new Map([
  ['failed', 'failed'],
  ['failure', 'failed'],
  ['fail', 'failed'],
  ['expired', 'failed'],
  ['error', 'failed'],
  ['undeliverable', 'failed'],
  ['bounced', 'failed'],
  ['delayed', 'delayed'],
  ['delay', 'delayed'],
  ['deferred', 'delayed'],
  ['delivered', 'delivered'],
  ['delivery', 'delivered'],
  ['deliverable', 'delivered'],
  ['success', 'delivered'],
  ['relayed', 'relayed'],
  ['expanded', 'expanded'],
]);

const maxRecipients = 100;

/** The recipients of the text of a `message/delivery-status` part. */
export function readDsn(text: string): RecipientReport[] {
  const reports: RecipientReport[] = [];
  for (const group of fieldGroups(text).flatMap(splitGroup)) {
    const report = recipientOf(group);
    if (report && reports.length < maxRecipients) reports.push(report);
  }
  return reports;
}

/** True when a text holds fields of a DSN, whatever part it stands in. */
export function looksLikeDsn(text: string): boolean {
  return (
    /^[> \t]{0,8}(?:final-recipient|reporting-mta) ?:/im.test(text) &&
    /^[> \t]{0,8}(?:action|status) ?:/im.test(text)
  );
}

/** Some hosts write the groups of all recipients as one: a field that repeats begins the next recipient. */
function splitGroup(group: HeaderField[]): HeaderField[][] {
  const groups: HeaderField[][] = [];
  let seen = new Set<string>();
  for (const field of group) {
    const begins = isRecipientField(field.name) || field.name === 'action';
    if (groups.length === 0 || (begins && seen.has(field.name))) {
      groups.push([]);
      seen = new Set();
    }
    groups.at(-1)?.push(field);
    seen.add(field.name);
  }
  return groups;
}

/** Fields that name the recipient: the address that the sender gave, where it ended (RFC 3464 §2.3.1, §2.3.2). */
const recipientFields = ['original-recipient', 'final-recipient', 'x-actual-recipient'] as const;

function isRecipientField(name: string): boolean {
  return recipientFields.some((one) => one === name);
}

function recipientOf(group: readonly HeaderField[]): RecipientReport | null {
  const [original = '', final = '', actual = ''] = recipientFields.map((name) =>
    addressOf(headerOf(group, name)),
  );
  const recipient =
    [original, final, actual].find((address) => address.includes('@')) || final || original || actual;
  const actionWord = /^[a-z]+/.exec(headerOf(group, 'action').toLowerCase())?.[0];
  const status = statusOf(headerOf(group, 'status'));
  const named = recipientFields.some((name) => headerOf(group, name) !== '');
  const told = [actionWord, status, headerOf(group, 'diagnostic-code')].filter(Boolean).length;
  // Without a recipient (RFC 3464 §2.3.2 has one) it must at least be clear that it is about one.
  if (told < (named ? 1 : 2)) return null;
  return {
    recipient,
    finalRecipient: final !== '' && final !== recipient ? final : undefined,
    action: actions.get(actionWord ?? '') ?? actionOf(status),
    status,
    diagnostic: diagnosticOf(group),
    remoteMta: typedValue(headerOf(group, 'remote-mta')) || null,
    basis: 'report',
  };
}

/** Without an action, the class of the status tells (RFC 3463 §3.1); a report without any is of a failure. */
function actionOf(status: string | null): Action {
  return status?.startsWith('2') ? 'delivered' : 'failed';
}

const maxAddressLength = 400;

/**
 * `rfc822; a@example.org` or `utf-8; …` (RFC 6533 §3), with or without the type: the address as it stands, whatever
 * its syntax, without brackets, comments and what hosts put behind it. Of another type (RFC 3464 §2.3.2) all that
 * stands there; empty for a file or a program: somebody else has to say whose it was.
 */
function addressOf(value: string): string {
  const [, type, rest] = /^\s*([\w-]{1,20})\s?;(.*)$/s.exec(value) ?? [];
  const typed = (rest ?? value).trim().slice(0, maxAddressLength);
  const text = type && /^utf-8/i.test(type) ? unescapeUtf8(typed) : typed;
  if (/^[|/]/.test(text) && !text.includes('@')) return '';
  if (type && !/^(?:rfc-?822|utf-8|smtp|x-local|unknown)/i.test(type) && !text.includes('@')) return text;
  const bare = /^("(?:[^"\\]|\\.){1,64}"@[^\s<>();,]{1,255})/.exec(text)?.[1] ?? unwrapped(text);
  return bare.replace(/^(?:smtp|mailto):/i, '');
}

/** Without brackets around, a comment or a parameter behind. */
function unwrapped(text: string): string {
  const bracketed = /<([^<>\s]{1,320})>/.exec(text)?.[1];
  if (bracketed?.includes('@')) return bracketed;
  const word = /^[<'"]?([^\s<>();,]+)/.exec(text)?.[1] ?? '';
  return word.includes('@') || word === text ? word.replace(/["']$/, '') : text.startsWith(';') ? '' : word;
}

/** RFC 6533 §3: `\x{5D0}` stands for a character. */
function unescapeUtf8(text: string): string {
  return text.replace(/\\x\{([0-9a-f]{1,6})\}/gi, (whole, hex: string) => {
    const point = Number.parseInt(hex, 16);
    return point <= 0x10ffff ? String.fromCodePoint(point) : whole;
  });
}

function statusOf(value: string): string | null {
  const match = /(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.]*\d)/.exec(value);
  return match ? `${match[1]}.${Number(match[2])}.${Number(match[3])}` : null;
}

function typedValue(value: string): string {
  return value.replace(/^\s*[\w-]{1,20}\s?;\s?/, '').trim();
}

/** What was said: the diagnostic, else a comment in the status. */
function diagnosticOf(group: readonly HeaderField[]): string {
  const diagnostics = group
    .filter((field) => field.name === 'diagnostic-code' || field.name === 'x-supplementary-info')
    .map((field) => typedValue(field.value));
  const comment = /\(([^()]{3,500})\)/.exec(headerOf(group, 'status'))?.[1];
  return [...diagnostics, ...(comment ? [comment] : [])].join('\n');
}
