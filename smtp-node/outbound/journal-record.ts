import { crc32 } from 'node:zlib';
import { z } from 'zod';
import { outcomeSchema } from '#domain/delivery/outcome.ts';
import { classNames } from '#domain/message/class.ts';

/** Which lease a record is about; the three together are unique. */
export interface LeaseRef {
  messageId: string;
  /** Number of the recipient within the message, from 0. */
  n: number;
  leaseId: string;
}

const leaseRef = { messageId: z.string(), n: z.number().int(), leaseId: z.string() };

/** What the journal of a node can say; one line of the file each. */
const recordSchema = z.discriminatedUnion('type', [
  /** DATA is about to be sent: from here on the MX may have the message. */
  z.object({
    type: z.literal('sending'),
    ...leaseRef,
    class: z.enum(classNames),
    attempt: z.number().int(),
    startedAtMs: z.number(),
  }),
  /** What it ended in. */
  z.object({ type: z.literal('outcome'), ...leaseRef, outcome: outcomeSchema }),
  /** The edge knows. */
  z.object({ type: z.literal('reported'), ...leaseRef }),
]);
export type JournalRecord = z.infer<typeof recordSchema>;
export type SendingRecord = Extract<JournalRecord, { type: 'sending' }>;
export type OutcomeRecord = Extract<JournalRecord, { type: 'outcome' }>;

/** One record as a line: checksum, space, JSON, line feed. */
export function formatRecord(record: JournalRecord): string {
  const json = JSON.stringify(record);
  return `${checksum(json)} ${json}\n`;
}

/**
 * Reads a journal. Lines that are torn or damaged are counted and left out; a crash tears only the last one.
 * Never throws.
 */
export function parseJournal(text: string): { records: JournalRecord[]; damagedLines: number } {
  const records: JournalRecord[] = [];
  let damagedLines = 0;
  const lines = text.split('\n');
  // what follows the last line feed was cut off while it was written
  if (lines.pop()) damagedLines += 1;
  for (const line of lines) {
    if (line === '') continue;
    const record = parseLine(line);
    if (record) records.push(record);
    else damagedLines += 1;
  }
  return { records, damagedLines };
}

function parseLine(line: string): JournalRecord | null {
  const json = line.slice(9);
  if (line.slice(0, 9) !== `${checksum(json)} `) return null;
  try {
    return recordSchema.safeParse(JSON.parse(json)).data ?? null;
  } catch {
    return null;
  }
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, '0');
}
