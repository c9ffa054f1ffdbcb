import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { LeasedDelivery } from '#domain/node-contract.ts';
import type { WorkerClient } from '../worker-client.ts';
import type { RawSource } from './courier.ts';

/** A raw message in use; whoever got it calls `done` once. */
export interface RawLoan {
  raw: RawSource;
  done(): Promise<void>;
}

interface Kept {
  raw: Promise<RawSource>;
  loans: number;
}

/** A raw message over this size is kept in a file. With 50 slots, memory stays below 13 MiB. */
const memoryBytes = 256 * 1024;

/**
 * Raw messages of the deliveries in flight: one source a message, however many recipients it has (they share its
 * signatures too), in memory when small and in a spool file when large.
 */
export class RawStore {
  readonly #client: Pick<WorkerClient, 'rawBytes' | 'rawFile'>;
  readonly #directory: string;
  readonly #kept = new Map<string, Kept>();

  /** Empties `directory`: what a previous run left there is of no use. */
  static async open(
    client: Pick<WorkerClient, 'rawBytes' | 'rawFile'>,
    directory: string,
  ): Promise<RawStore> {
    await rm(directory, { recursive: true, force: true });
    await mkdir(directory, { recursive: true, mode: 0o700 });
    return new RawStore(client, directory);
  }

  private constructor(client: Pick<WorkerClient, 'rawBytes' | 'rawFile'>, directory: string) {
    this.#client = client;
    this.#directory = directory;
  }

  /** The raw message of a delivery. Throws what the client throws. */
  async lend(delivery: Pick<LeasedDelivery, 'messageId' | 'sizeBytes' | 'raw'>): Promise<RawLoan> {
    const { messageId } = delivery;
    const kept = this.#kept.get(messageId) ?? { raw: this.#rawOf(delivery), loans: 0 };
    this.#kept.set(messageId, kept);
    kept.loans += 1;
    const done = () => this.#giveBack(messageId, kept);
    try {
      return { raw: await kept.raw, done };
    } catch (error) {
      await done();
      throw error;
    }
  }

  async #rawOf({
    messageId,
    sizeBytes,
    raw,
  }: Pick<LeasedDelivery, 'messageId' | 'sizeBytes' | 'raw'>): Promise<RawSource> {
    if (raw !== null) return { kind: 'bytes', bytes: Buffer.from(raw, 'latin1') };
    return await this.#fetch(messageId, sizeBytes);
  }

  async #fetch(messageId: string, sizeBytes: number): Promise<RawSource> {
    if (sizeBytes <= memoryBytes) return { kind: 'bytes', bytes: await this.#client.rawBytes(messageId) };
    const path = join(this.#directory, randomUUID());
    return { kind: 'file', path, sizeBytes: await this.#client.rawFile(messageId, path) };
  }

  async #giveBack(messageId: string, kept: Kept): Promise<void> {
    kept.loans -= 1;
    if (kept.loans > 0) return;
    if (this.#kept.get(messageId) === kept) this.#kept.delete(messageId);
    const raw = await kept.raw.catch(() => null);
    if (raw?.kind === 'file') await rm(raw.path, { force: true });
  }
}
