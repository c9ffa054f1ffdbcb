/**
 * How well mail that came back is read: `node test/bench/bounces.ts <folder> [--half odd|even] [--wrong]`, where
 * the folder holds `labels.jsonl` and `eml/`. Prints what share of the labels is met, beside a plain RFC 3464
 * reader's, how fast, beside Sisimai for Perl, and how long mails take that are made to cost time. Null labels are not counted; addresses are compared without
 * regard to case.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { readMail } from '../../worker/inbound/read-mail.ts';
import { adversarialTimes, bounceRate } from './bounce-rate.ts';

const labelSchema = z.object({
  file: z.string(),
  kind: z.string(),
  source_mta: z.string().nullish(),
  family: z.string().optional(),
  bounce_class: z.string().optional(),
  recipients: z.array(
    z.object({
      recipient: z.string().nullable(),
      status: z.string().nullable(),
      permanence: z.string().nullable(),
    }),
  ),
});
type Label = z.infer<typeof labelSchema>;

/** What a reader found, in the words of the labels. */
interface Found {
  kind: string;
  recipients: { recipient: string; final?: string | null; status: string | null; permanence: string }[];
  bounceClass?: string | undefined;
}

const measures = ['kind', 'recipient', 'status', 'permanence', 'class'] as const;
type Tally = Record<(typeof measures)[number], { met: number; asked: number }>;

function newTally(): Tally {
  const none = () => ({ met: 0, asked: 0 });
  return { kind: none(), recipient: none(), status: none(), permanence: none(), class: none() };
}

/** Counts which labels are met; gives the names of those that are not. */
function compare(label: Label, found: Found, tallies: readonly Tally[]): string[] {
  const missed: string[] = [];
  const count = (measure: (typeof measures)[number], met: boolean) => {
    for (const tally of tallies) {
      tally[measure].asked++;
      if (met) tally[measure].met++;
    }
    if (!met) missed.push(measure);
  };
  count('kind', found.kind === (label.kind === 'not-a-bounce' ? 'none' : label.kind));
  for (const wanted of label.recipients) {
    const { recipient } = wanted;
    if (recipient === null) continue;
    // Labels of parsers name the address where the mail ended, hand labels the one that the sender gave: both are told.
    const mine = found.recipients.find((r) =>
      [r.recipient, r.final].some((one) => one?.toLowerCase() === recipient.toLowerCase()),
    );
    count('recipient', mine !== undefined);
    if (wanted.status !== null) count('status', mine?.status === wanted.status);
    if (wanted.permanence !== null) count('permanence', mine?.permanence === wanted.permanence);
  }
  if (label.bounce_class !== undefined) count('class', found.bounceClass === label.bounce_class);
  return missed;
}

/**
 * The envelope sender, where a folder says whose mails these are: of people (`person-…`) what Return-Path says, of all
 * others null. Where labels name no family it is not known.
 */
function mailFromOf(label: Label, raw: Uint8Array): string | undefined {
  if (label.family === undefined) return undefined;
  if (!label.family.startsWith('person-')) return '';
  return /^return-path: *<([^<>\s]+)>/im.exec(new TextDecoder('latin1').decode(raw.subarray(0, 8192)))?.[1];
}

function ours(label: Label, raw: Uint8Array): Found {
  const { kind, recipients } = readMail(raw, mailFromOf(label, raw));
  return {
    kind,
    bounceClass: recipients[0]?.class,
    recipients: recipients.map((r) => ({
      recipient: r.recipient,
      final: r.finalRecipient,
      status: r.status,
      permanence: permanence(r.action, r.permanent),
    })),
  };
}

function permanence(action: string, permanent: boolean): string {
  if (action === 'failed') return permanent ? 'permanent' : 'transient';
  return action === 'delayed' ? 'transient' : 'success';
}

/** The floor: fields of RFC 3464 as they stand, without any knowledge of hosts. */
function plainRfc3464(raw: Uint8Array): Found {
  const text = new TextDecoder('latin1').decode(raw).replaceAll('\r\n', '\n');
  const begin = /^content-type: *message\/delivery-status/im.exec(text)?.index;
  const recipients: (Found['recipients'][number] & { action: string })[] = [];
  for (const group of begin === undefined ? [] : text.slice(begin).split(/\n\n/)) {
    const recipient = /^final-recipient: *rfc822; *(\S+)/im.exec(group)?.[1];
    const action = /^action: *([a-z]+)/im.exec(group)?.[1]?.toLowerCase();
    const status = /^status: *(\d\.\d+\.\d+)/im.exec(group)?.[1] ?? null;
    if (!recipient || !action) continue;
    const word = permanence(action, status?.startsWith('5') ?? false);
    recipients.push({ recipient, status, permanence: word, action });
  }
  const has = (action: string) => recipients.some((r) => r.action === action);
  const report = has('failed')
    ? 'bounce'
    : has('delayed')
      ? 'delay'
      : recipients.length > 0
        ? 'delivered'
        : 'none';
  return { kind: /message\/feedback-report/i.test(text) ? 'complaint' : report, recipients };
}

function percent({ met, asked }: { met: number; asked: number }): string {
  return asked === 0 ? '      –' : `${((met / asked) * 100).toFixed(1).padStart(6)}%`;
}

function row(name: string, tally: Tally): string {
  return `${name.padEnd(27)}${measures.map((m) => percent(tally[m]).padStart(12)).join('')}${String(tally.kind.asked).padStart(8)}`;
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { half: { type: 'string' }, wrong: { type: 'boolean', default: false } },
});
const folder = positionals[0];
if (!folder) throw new Error('usage: bounces.ts <folder> [--half odd|even] [--wrong]');
const labels = readFileSync(join(folder, 'labels.jsonl'), 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => labelSchema.parse(JSON.parse(line)))
  .filter((_, i) => values.half === undefined || (i % 2 === 0) === (values.half === 'odd'));

const mails = labels.map((label) => new Uint8Array(readFileSync(join(folder, label.file))));
const [all, floor, families] = [newTally(), newTally(), new Map<string, Tally>()];
const found = labels.map((label, i) => ours(label, mails[i] ?? new Uint8Array()));
for (const [i, label] of labels.entries()) {
  const family = label.family ?? label.source_mta ?? '(none)';
  if (!families.has(family)) families.set(family, newTally());
  const missed = compare(label, found[i] ?? { kind: 'none', recipients: [] }, [
    all,
    families.get(family) ?? all,
  ]);
  compare(label, plainRfc3464(mails[i] ?? new Uint8Array()), [floor]);
  if (values.wrong && missed.length > 0) {
    console.log(
      `${label.file} missed ${missed.join(', ')}\n  wanted ${JSON.stringify(label.recipients)} ${label.kind}\n  found  ${JSON.stringify(found[i])}`,
    );
  }
}

console.log(`${''.padEnd(27)}${measures.map((m) => m.padStart(12)).join('')}${'mails'.padStart(8)}`);
for (const [name, tally] of [...families].sort()) console.log(row(name, tally));
console.log(row('ALL', all));
console.log(row('plain RFC 3464 reader', floor));
for (const line of await bounceRate(labels.map((label) => join(folder, label.file)))) console.log(line);
console.log('');
for (const line of adversarialTimes()) console.log(line);
