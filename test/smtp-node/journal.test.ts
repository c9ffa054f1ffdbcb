import { appendFile, mkdir, mkdtemp, readFile, rmdir, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { Journal } from '../../smtp-node/outbound/journal.ts';
import { formatRecord, parseJournal } from '../../smtp-node/outbound/journal-record.ts';
import { delivered } from '../support/outcomes.ts';

const opened: Journal[] = [];
async function openJournal(path: string, compactAtBytes?: number): Promise<Journal> {
  const journal = await Journal.open(path, compactAtBytes);
  opened.push(journal);
  return journal;
}
afterEach(async () => {
  for (const journal of opened.splice(0)) await journal.close();
});

async function freshPath(): Promise<string> {
  return join(await mkdtemp(join(tmpdir(), 'journal-')), 'deep', 'journal');
}
const ref = (i: number) => ({ messageId: `message-${i}`, n: 0, leaseId: `lease-${i}` });
const sendingOf = (i: number) => ({ ...ref(i), class: 'standard' as const, attempt: 1, startedAtMs: 5 });
const idsOf = (records: { messageId: string }[]) => records.map((record) => record.messageId).sort();

describe('journal', () => {
  it('remembers across a restart what was begun and what came out', async () => {
    const path = await freshPath();
    const journal = await openJournal(path);
    await Promise.all([journal.sending(sendingOf(1)), journal.sending(sendingOf(2))]);
    await journal.outcome(ref(2), delivered());
    // no close: the process is gone
    const again = await openJournal(path);
    expect(idsOf(again.unfinished())).toEqual(['message-1']);
    expect(idsOf(again.unreportedOutcomes())).toEqual(['message-2']);
    expect(again.unreported).toBe(1);
  });

  it('forgets what was reported', async () => {
    const path = await freshPath();
    const journal = await openJournal(path);
    await journal.outcome(ref(1), delivered());
    journal.reported(ref(1));
    expect(journal.unreported).toBe(0);
    await opened.pop()?.close();
    const again = await openJournal(path);
    expect(again.unreportedOutcomes()).toEqual([]);
    expect(await readFile(path, 'utf8')).toBe('');
  });

  it('has a record on disk when its promise resolves', async () => {
    const path = await freshPath();
    const journal = await openJournal(path);
    await Promise.all(
      Array.from({ length: 50 }, async (_, i) => {
        await journal.sending(sendingOf(i));
        expect(await readFile(path, 'utf8')).toContain(`"message-${i}"`);
      }),
    );
  });

  it('leaves out a torn last line and goes on after it', async () => {
    const path = await freshPath();
    const journal = await openJournal(path);
    await journal.outcome(ref(1), delivered());
    await appendFile(path, formatRecord({ type: 'reported', ...ref(1) }).slice(0, -1));
    const again = await openJournal(path);
    expect(again.damagedLines).toBe(1);
    await again.outcome(ref(2), delivered());
    expect(idsOf((await openJournal(path)).unreportedOutcomes())).toEqual(['message-1', 'message-2']);
  });

  it('drops settled records when it has grown, and keeps the others', async () => {
    const path = await freshPath();
    const journal = await openJournal(path, 20_000);
    await journal.sending(sendingOf(0));
    for (let i = 1; i < 200; i++) {
      await journal.outcome(ref(i), delivered('x'.repeat(300)));
      if (i !== 7) journal.reported(ref(i));
    }
    expect((await stat(path)).size).toBeLessThan(25_000);
    const again = await openJournal(path);
    expect(idsOf(again.unfinished())).toEqual(['message-0']);
    expect(idsOf(again.unreportedOutcomes())).toContain('message-7');
    expect(again.unreported).toBeLessThanOrEqual(2);
  });

  it('says that it cannot be written, keeps what it was told, and writes it when it can again', async () => {
    const path = await freshPath();
    const journal = await openJournal(path, 0);
    await journal.outcome(ref(1), delivered());
    // a directory in the way of the new file: every write fails
    await mkdir(`${path}.new`);
    await expect(journal.sending(sendingOf(2))).rejects.toThrow();
    await expect(journal.outcome(ref(3), delivered())).rejects.toThrow();
    expect(await journal.writable()).toBe(false);
    await rmdir(`${path}.new`);
    expect(await journal.writable()).toBe(true);
    const again = await openJournal(path);
    expect(idsOf(again.unreportedOutcomes())).toEqual(['message-1', 'message-3']);
    expect(idsOf(again.unfinished())).toEqual(['message-2']);
  });

  it('never loses an unreported outcome, wherever the crash cuts the file after it was durable', async () => {
    const step = fc.record({ kind: fc.constantFrom('sending', 'outcome', 'reported'), i: fc.nat(5) });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), fc.nat(), async (steps, cut) => {
        const path = await freshPath();
        const journal = await openJournal(path, 1_500);
        const unreported = new Set<string>();
        for (const { kind, i } of steps) {
          if (kind === 'sending') await journal.sending(sendingOf(i));
          if (kind === 'outcome') {
            await journal.outcome(ref(i), delivered());
            unreported.add(`message-${i}`);
          }
          if (kind === 'reported') {
            journal.reported(ref(i));
            unreported.delete(`message-${i}`);
          }
        }
        // one more record is being written when the process dies
        const durable = await readFile(path);
        const torn = Buffer.from(formatRecord({ type: 'sending', ...sendingOf(9) }));
        const crashed = join(path, '..', 'crashed');
        await writeFile(crashed, Buffer.concat([durable, torn.subarray(0, cut % torn.length)]));
        await opened.pop()?.close();
        const again = await openJournal(crashed);
        await opened.pop()?.close();
        for (const id of unreported) expect(idsOf(again.unreportedOutcomes())).toContain(id);
      }),
      { numRuns: 60 },
    );
  });

  it('reads any text without throwing', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(parseJournal(text).records).toEqual([]);
      }),
    );
  });

  it('reads back what it wrote', () => {
    const record = { type: 'sending' as const, ...sendingOf(3) };
    expect(parseJournal(formatRecord(record))).toEqual({ records: [record], damagedLines: 0 });
  });
});
