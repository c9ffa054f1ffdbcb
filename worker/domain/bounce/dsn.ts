import { cleanAddress } from './address.ts';
import { fieldGroups } from './header-fields.ts';
import type { RecipientReport } from './recipient.ts';
import { type Action, type HeaderField, headerOf } from './returned-mail.ts';

/**
 * Delivery status notifications: RFC 3464, the global form of RFC 6533, and what hosts make of them: fields
 * of several recipients in one group, missing address types, statuses with comments, words of their own.
 */

/** Words of `Action`, RFC 3464 §2.3.3 and hosts' own. */
const actions: Readonly<Record<string, Action>> = {
  failed: 'failed',
  failure: 'failed',
  fail: 'failed',
  expired: 'failed',
  error: 'failed',
  undeliverable: 'failed',
  bounced: 'failed',
  delayed: 'delayed',
  delay: 'delayed',
  deferred: 'delayed',
  delivered: 'delivered',
  delivery: 'delivered',
  deliverable: 'delivered',
  success: 'delivered',
  relayed: 'relayed',
  expanded: 'expanded',
};

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
    const begins = recipientFields.includes(field.name) || field.name === 'action';
    if (groups.length === 0 || (begins && seen.has(field.name))) {
      groups.push([]);
      seen = new Set();
    }
    groups.at(-1)?.push(field);
    seen.add(field.name);
  }
  return groups;
}

/** Fields that name the recipient, the best first (RFC 3464 §2.3.1, §2.3.2). */
const recipientFields = ['final-recipient', 'original-recipient', 'x-actual-recipient'];

function recipientOf(group: readonly HeaderField[]): RecipientReport | null {
  const addresses = recipientFields.map((name) => addressOf(headerOf(group, name)) ?? '');
  const recipient = addresses.find((address) => address.includes('@')) ?? addresses.find(Boolean);
  const actionWord = /^[a-z]+/.exec(headerOf(group, 'action').toLowerCase())?.[0];
  const status = statusOf(headerOf(group, 'status'));
  const named = recipientFields.some((name) => headerOf(group, name) !== '');
  const told = [actionWord, status, headerOf(group, 'diagnostic-code')].filter(Boolean).length;
  // Without a recipient (RFC 3464 §2.3.2 has one) it must at least be clear that it is about one.
  if (told < (named ? 1 : 2)) return null;
  return {
    recipient: recipient ?? '',
    action: (actionWord ? actions[actionWord] : undefined) ?? actionOf(status),
    status,
    diagnostic: diagnosticOf(group),
    remoteMta: typedValue(headerOf(group, 'remote-mta')) || null,
  };
}

/** Without an action, the class of the status tells (RFC 3463 §3.1); a report without any is of a failure. */
function actionOf(status: string | null): Action {
  return status?.startsWith('2') ? 'delivered' : 'failed';
}

/**
 * `rfc822; a@example.org` or `utf-8; …` (RFC 6533 §3), with or without the type, or a local user alone; null for a
 * file or program.
 */
function addressOf(value: string): string | null {
  const [, type, rest] = /^\s*([\w-]{1,20})\s?;\s?(.*)$/.exec(value) ?? [];
  const bare = (rest ?? value).trim();
  const address = type && /^utf-8/i.test(type) ? unescapeUtf8(bare) : bare;
  const bracketed = /<([^<>\s]{3,320})>/.exec(address)?.[1];
  const local = /^[\w.+-]{1,64}$/.exec(address)?.[0] ?? null;
  return cleanAddress(bracketed ?? address) ?? cleanAddress(address.split(/\s/)[0] ?? '') ?? local;
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
