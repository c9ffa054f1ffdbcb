import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { receivedHead } from '#domain/node-contract.ts';

const entrySchema = z.object({
  head: receivedHead,
  /** Fields that go before the mail. */
  trace: z.string(),
  /** The same for the same mail from the same sender to the same recipients. */
  fingerprint: z.string(),
});

/** A mail that is on this machine's disk and not certainly at the edge. */
export type SpooledMail = z.infer<typeof entrySchema>;

/** So long after it came, a mail may come again because its reply was lost (RFC 5321 §4.5.4.1: senders retry sooner). */
const doubtMs = 24 * 3_600_000;

/**
 * What was received and is not handed over yet: `<id>.eml`, the mail as it came, and `<id>.json`, which makes it count.
 * What was there when a node starts had been taken, whether its client has heard so or not: it is handed over again
 * under its id, and when the client brings it again it is known.
 */
export class ReceivedSpool {
  readonly #directory: string;
  /** Ids of mails that a client may bring again, by fingerprint. */
  readonly #doubts: Map<string, { id: string; untilMs: number }>;
  /** What an earlier run had taken and is still to be handed over, oldest first. */
  readonly left: readonly SpooledMail[];
  #waiting: number;

  /** Opens the directory, made when absent, and removes what was never taken. */
  static async open(directory: string, nowMs = Date.now()): Promise<ReceivedSpool> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const names = new Set(await readdir(directory));
    const doubts = new Map<string, { id: string; untilMs: number }>();
    const left: SpooledMail[] = [];
    for (const name of [...names].sort()) {
      const path = join(directory, name);
      const entry = name.endsWith('.json') ? await readEntry(path) : null;
      if (entry && entry.head.receivedAtMs + doubtMs > nowMs) {
        doubts.set(entry.fingerprint, { id: entry.head.id, untilMs: entry.head.receivedAtMs + doubtMs });
      }
      const whole = name.endsWith('.json')
        ? entry !== null && (names.has(`${entry.head.id}.eml`) || doubts.has(entry.fingerprint))
        : names.has(name.replace(/\.eml$/, '.json'));
      if (!whole) await rm(path, { force: true });
      else if (entry && names.has(`${entry.head.id}.eml`)) left.push(entry);
    }
    return new ReceivedSpool(directory, doubts, left);
  }

  private constructor(
    directory: string,
    doubts: Map<string, { id: string; untilMs: number }>,
    left: readonly SpooledMail[],
  ) {
    this.#directory = directory;
    this.#doubts = doubts;
    this.left = left;
    this.#waiting = left.length;
  }

  /** Mails that count and are not handed over. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Where the bytes of a mail are. */
  pathOf(id: string): string {
    return join(this.#directory, `${id}.eml`);
  }

  /** Begins to take the bytes of a mail. */
  async begin(id: string): Promise<SpoolFile> {
    return new SpoolFile(await open(this.pathOf(id), 'wx', 0o600), this.pathOf(id));
  }

  /** The id of the same mail, when it came before and its client may not have heard that it was taken. */
  inDoubt(fingerprint: string, nowMs = Date.now()): string | null {
    const doubt = this.#doubts.get(fingerprint);
    return doubt && doubt.untilMs > nowMs ? doubt.id : null;
  }

  /** Makes a mail count: when this resolves it is on disk, and outlives the process. */
  async keep(mail: SpooledMail): Promise<void> {
    const path = join(this.#directory, `${mail.head.id}.json`);
    const file = await open(`${path}.new`, 'w', 0o600);
    try {
      await file.writeFile(JSON.stringify(mail));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(`${path}.new`, path);
    await syncDirectory(this.#directory);
    this.#waiting += 1;
  }

  /**
   * The edge has it, or nobody wants it.
   * @param heard the client has been told; otherwise it is remembered, in case the client brings it again
   */
  async done(mail: SpooledMail, heard: boolean): Promise<void> {
    this.#waiting -= 1;
    await rm(this.pathOf(mail.head.id), { force: true });
    if (heard) await rm(join(this.#directory, `${mail.head.id}.json`), { force: true });
    else this.doubt(mail);
  }

  /** The client may not have heard that a mail was taken. */
  doubt({ head, fingerprint }: SpooledMail): void {
    this.#doubts.set(fingerprint, { id: head.id, untilMs: head.receivedAtMs + doubtMs });
  }

  /** Forgets the bytes of a mail that does not count. */
  async drop(id: string): Promise<void> {
    await rm(this.pathOf(id), { force: true });
  }
}

/** The bytes of one mail on their way to disk. */
export class SpoolFile {
  readonly #file: FileHandle;
  readonly path: string;
  readonly #hash = createHash('sha256');
  sizeBytes = 0;

  constructor(file: FileHandle, path: string) {
    this.#file = file;
    this.path = path;
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#hash.update(chunk);
    this.sizeBytes += chunk.length;
    await this.#file.writeFile(chunk);
  }

  /** All bytes are on disk. Gives the mail's fingerprint. */
  async end(envelope: { mailFrom: string; rcptTo: readonly string[] }): Promise<string> {
    await this.#file.sync();
    await this.#file.close();
    return this.#hash.update(`\0${JSON.stringify([envelope.mailFrom, envelope.rcptTo])}`).digest('hex');
  }

  async abort(): Promise<void> {
    await this.#file.close().catch(() => undefined);
    await rm(this.path, { force: true });
  }
}

/** Null when it cannot be read: it was never whole. */
async function readEntry(path: string): Promise<SpooledMail | null> {
  try {
    return entrySchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return null;
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
