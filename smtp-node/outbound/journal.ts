import { type FileHandle, mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setImmediate as turnEnd } from 'node:timers/promises';
import { assertNever } from '#domain/assert-never.ts';
import type { Outcome } from '#domain/delivery/outcome.ts';
import {
  formatRecord,
  type JournalRecord,
  type LeaseRef,
  type OutcomeRecord,
  parseJournal,
  type SendingRecord,
} from './journal-record.ts';

/** What is known of a lease that the edge has not heard about yet. */
interface Entry {
  sending?: SendingRecord;
  outcome?: OutcomeRecord;
}

/** By delivery, then by lease: a delivery is usually known under one. */
type Entries = Map<string, Map<string, Entry>>;

/** An outcome waits so long for records that are urgent: a message is not held up by it, only its report. */
const outcomeWaitsMs = 5;

/** The records to write next and who waits for them. */
interface Batch {
  lines: string;
  /** Somebody waits for it, or has waited long enough. */
  urgent: boolean;
  written: Promise<void>;
  settle: PromiseWithResolvers<void>;
}

/**
 * The memory of a node across a crash: an append-only file that says which transactions had come as far as
 * DATA and what they ended in, until the edge has been told. Records that are appended while a sync is
 * running share the next one.
 */
export class Journal {
  readonly #path: string;
  readonly #compactAtBytes: number;
  readonly #entries: Entries;
  #unreported: number;
  #file: FileHandle;
  #fileBytes: number;
  #next: Batch | null = null;
  #writing: Promise<void> | null = null;
  /** Makes the next batch urgent. */
  #patience: NodeJS.Timeout | null = null;
  /** A write failed: the file's end is unknown, so the next write makes a new file. */
  #broken = false;
  /** Lines that could not be read when the journal was opened. */
  readonly damagedLines: number;
  /** There was no journal: what an earlier run of the node may have begun is not known. */
  readonly isNew: boolean;

  /**
   * Opens the journal at `path`, made when absent, and leaves out what is settled.
   * @param compactAtBytes size from which settled records are dropped; default 4 MiB
   */
  static async open(path: string, compactAtBytes = 4 * 1024 * 1024): Promise<Journal> {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const text = await readIfThere(path);
    const { records, damagedLines } = parseJournal(text ?? '');
    const entries: Entries = new Map();
    for (const record of records) apply(entries, record);
    const { file, bytes } = await writeWhole(path, entries);
    return new Journal(path, compactAtBytes, entries, file, bytes, { damagedLines, isNew: text === null });
  }

  private constructor(
    path: string,
    compactAtBytes: number,
    entries: Entries,
    file: FileHandle,
    fileBytes: number,
    opened: Pick<Journal, 'damagedLines' | 'isNew'>,
  ) {
    this.#path = path;
    this.#compactAtBytes = compactAtBytes;
    this.#entries = entries;
    this.#unreported = allOf(entries).filter((entry) => entry.outcome).length;
    this.#file = file;
    this.#fileBytes = fileBytes;
    this.damagedLines = opened.damagedLines;
    this.isNew = opened.isNew;
  }

  /** Outcomes that the edge does not know yet. */
  get unreported(): number {
    return this.#unreported;
  }

  /** The outcomes that the edge does not know yet, by delivery, oldest first. */
  unreportedOutcomes(): OutcomeRecord[] {
    return allOf(this.#entries).flatMap((entry) => entry.outcome ?? []);
  }

  /** Transactions that came as far as DATA and have no outcome. */
  unfinished(): SendingRecord[] {
    return allOf(this.#entries).flatMap((entry) => (entry.outcome ? [] : (entry.sending ?? [])));
  }

  /**
   * What is known of an attempt at a delivery under any lease that the edge has not heard the end of: its outcome,
   * `sending` while it goes on, null when there is none.
   */
  attemptOf(of: Pick<LeaseRef, 'messageId' | 'n'>): OutcomeRecord | 'sending' | null {
    const attempts = [...(this.#entries.get(deliveryOf(of))?.values() ?? [])];
    if (attempts.some(({ outcome }) => !outcome)) return 'sending';
    return attempts.at(-1)?.outcome ?? null;
  }

  /** Resolves once it is on disk that DATA is about to be sent. Rejects when it cannot be written. */
  sending(record: Omit<SendingRecord, 'type'>): Promise<void> {
    const written = this.#append({ type: 'sending', ...record });
    this.#hurry();
    return written;
  }

  /** Resolves once the outcome is on disk. When it rejects, the outcome is still kept in memory. */
  outcome(ref: LeaseRef, outcome: Outcome): Promise<void> {
    this.#patience ??= setTimeout(() => {
      this.#patience = null;
      this.#hurry();
    }, outcomeWaitsMs);
    return this.#append({ type: 'outcome', ...refOf(ref), outcome });
  }

  /** The edge knows this outcome. Written with whatever is written next: to report twice is safe. */
  reported(ref: LeaseRef): void {
    this.#apply({ type: 'reported', ...refOf(ref) });
  }

  /** False while nothing can be written (the disk is full, say); tries to mend that first. */
  async writable(): Promise<boolean> {
    if (!this.#broken) return true;
    this.#next ??= newBatch();
    this.#hurry();
    await this.#writing;
    return !this.#broken;
  }

  /** Writes what is left and closes the file. */
  async close(): Promise<void> {
    if (this.#patience) clearTimeout(this.#patience);
    for (; this.#next || this.#writing; await this.#writing) this.#hurry();
    await this.#file.close();
  }

  #append(record: JournalRecord): Promise<void> {
    return this.#apply(record).written;
  }

  /** Has what is to be written next written as soon as that can be. */
  #hurry(): void {
    if (!this.#next) return;
    this.#next.urgent = true;
    this.#writing ??= this.#write();
  }

  /** Notes a record in memory and in the lines that are written next. */
  #apply(record: JournalRecord): Batch {
    const had = entryOf(this.#entries, record)?.outcome;
    apply(this.#entries, record);
    const has = entryOf(this.#entries, record)?.outcome;
    this.#unreported += Number(has !== undefined) - Number(had !== undefined);
    this.#next ??= newBatch();
    this.#next.lines += formatRecord(record);
    return this.#next;
  }

  /** Writes and syncs batch after batch until none is urgent. Never rejects. */
  async #write(): Promise<void> {
    for (;;) {
      // What other connections have come to in the same turn goes along.
      await turnEnd();
      const batch = this.#next;
      if (!batch?.urgent) break;
      this.#next = null;
      try {
        await this.#writeBatch(batch.lines);
        batch.settle.resolve();
      } catch (error) {
        this.#broken = true;
        batch.settle.reject(error);
      }
    }
    this.#writing = null;
  }

  async #writeBatch(lines: string): Promise<void> {
    if (this.#broken || this.#fileBytes > this.#compactAtBytes) return this.#compact();
    await this.#file.appendFile(lines);
    await this.#file.datasync();
    this.#fileBytes += Buffer.byteLength(lines);
  }

  /** Replaces the file by one that holds only what is not settled; the batch is in it already. */
  async #compact(): Promise<void> {
    const { file, bytes } = await writeWhole(this.#path, this.#entries);
    const old = this.#file;
    this.#file = file;
    // what is alive is counted once only, or a large backlog would be written again with every batch
    this.#fileBytes = Math.min(bytes, this.#compactAtBytes / 2);
    this.#broken = false;
    await old.close();
  }
}

/** What the records so far come to. */
function apply(entries: Entries, record: JournalRecord): void {
  const delivery = deliveryOf(record);
  const leases = entries.get(delivery) ?? new Map<string, Entry>();
  switch (record.type) {
    case 'sending':
    case 'outcome':
      entries.set(delivery, leases);
      leases.set(record.leaseId, { ...leases.get(record.leaseId), [record.type]: record });
      return;
    case 'reported':
      leases.delete(record.leaseId);
      if (leases.size === 0) entries.delete(delivery);
      return;
    default:
      assertNever(record);
  }
}

function allOf(entries: Entries): Entry[] {
  return [...entries.values()].flatMap((leases) => [...leases.values()]);
}

function entryOf(entries: Entries, ref: LeaseRef): Entry | undefined {
  return entries.get(deliveryOf(ref))?.get(ref.leaseId);
}

/** Writes a new file with what is alive and puts it in the old one's place, durably. */
async function writeWhole(path: string, entries: Entries): Promise<{ file: FileHandle; bytes: number }> {
  const lines = allOf(entries).flatMap((entry) =>
    [entry.sending, entry.outcome].flatMap((record) => (record ? formatRecord(record) : [])),
  );
  const text = lines.join('');
  const temporary = `${path}.new`;
  const file = await open(temporary, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
    await rename(temporary, path);
    const directory = await open(dirname(path), 'r');
    await directory.sync().finally(() => directory.close());
  } catch (error) {
    await file.close();
    throw error;
  }
  return { file, bytes: Buffer.byteLength(text) };
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

function newBatch(): Batch {
  const settle = Promise.withResolvers<void>();
  // a batch of `reported` marks alone has nobody who waits
  settle.promise.catch(() => {});
  return { lines: '', urgent: false, written: settle.promise, settle };
}

function refOf(ref: LeaseRef): LeaseRef {
  return { messageId: ref.messageId, n: ref.n, leaseId: ref.leaseId };
}

function deliveryOf({ messageId, n }: Pick<LeaseRef, 'messageId' | 'n'>): string {
  return `${messageId} ${n}`;
}
