import { dirname } from 'node:path';
import type { Clock } from './clock.ts';
import type { Random } from './random.ts';
import type { Weather } from './weather.ts';

interface FileOnDisk {
  /** What would be there after a crash. */
  synced: Buffer;
  /** What is there while the machine lives. */
  written: Buffer;
}

/**
 * The disk of one node's machine: outlives the node, loses what was not synced when the node is killed (in part: a
 * line may be cut), may be full or read-only for a while. As much of `node:fs` as a node uses.
 */
export class Disk {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #weather: Weather;
  readonly #files = new Map<string, FileOnDisk>();
  readonly #name: string;
  /** Writes fail with this code. */
  fault: 'ENOSPC' | 'EROFS' | null = null;

  constructor(of: { name: string; clock: Clock; random: Random; weather: Weather }) {
    this.#name = of.name;
    this.#clock = of.clock;
    this.#random = of.random;
    this.#weather = of.weather;
  }

  /** The machine loses its power, or the process its life: what was not synced is there in part. */
  crash(): void {
    for (const file of this.#files.values()) {
      const unsynced = file.written.subarray(file.synced.length);
      const appended = file.written.subarray(0, file.synced.length).equals(file.synced);
      const kept = appended
        ? unsynced.subarray(0, this.#random.between(0, unsynced.length))
        : Buffer.alloc(0);
      file.written = Buffer.concat([file.synced, kept]);
      file.synced = file.written;
    }
  }

  bytesOf(path: string): Buffer | null {
    return this.#files.get(path)?.written ?? null;
  }

  /** `node:fs/promises` and `node:fs` for a node; nothing comes to one that is not alive any more. */
  modules(alive: () => boolean): Record<string, unknown> {
    const io = <T>(path: string, writes: boolean, work: () => T): Promise<T> =>
      new Promise((resolve, reject) => {
        this.#clock.after(0.05 + this.#random.unit() * 2, () => {
          if (!alive()) return;
          try {
            if (writes) this.#mayFail(path);
            const value = work();
            this.#clock.after(0.05 + this.#random.unit(), () => alive() && resolve(value));
          } catch (error) {
            this.#clock.after(0.05, () => alive() && reject(error));
          }
        });
      });
    const fileAt = (path: string) => {
      const file = this.#files.get(path);
      if (!file)
        throw Object.assign(new Error(`ENOENT: no such file or directory, open '${path}'`), {
          code: 'ENOENT',
        });
      return file;
    };
    const handleOf = (path: string, file: FileOnDisk | null) => ({
      appendFile: (text: string | Buffer) =>
        io(path, true, () => {
          if (file) file.written = Buffer.concat([file.written, Buffer.from(text as string)]);
        }),
      writeFile: (text: string | Buffer) =>
        io(path, true, () => {
          if (file) file.written = Buffer.from(text as string);
        }),
      sync: () =>
        io(path, file !== null, () => {
          if (file) file.synced = file.written;
        }),
      datasync: () =>
        io(path, true, () => {
          if (file) file.synced = file.written;
        }),
      close: () => io(path, false, () => undefined),
    });
    const promises = {
      mkdir: (path: string) => io(path, false, () => undefined),
      rm: (path: string) =>
        io(path, false, () => {
          for (const name of [...this.#files.keys()])
            if (name === path || name.startsWith(`${path}/`)) this.#files.delete(name);
        }),
      rename: (from: string, to: string) =>
        io(to, true, () => {
          this.#files.set(to, fileAt(from));
          this.#files.delete(from);
        }),
      readFile: (path: string) => io(path, false, () => fileAt(path).written.toString('utf8')),
      open: (path: string, flags: string) =>
        io(path, flags !== 'r', () => {
          if (flags === 'r') return handleOf(path, this.#files.get(path) ?? null);
          const file: FileOnDisk = { synced: Buffer.alloc(0), written: Buffer.alloc(0) };
          this.#files.set(path, file);
          return handleOf(path, file);
        }),
    };
    return { 'node:fs/promises': promises, 'node:fs': { promises } };
  }

  /** A spool file, written by the stand-in of the client's stream. */
  spool(path: string, bytes: Buffer): void {
    this.#mayFail(path);
    this.#files.set(path, { synced: bytes, written: bytes });
  }

  #mayFail(path: string): void {
    const fault = this.#weather.draw('disk');
    const code = this.fault ?? (fault === null ? null : fault.when === 'before' ? 'ENOSPC' : 'EIO');
    if (code === null) return;
    if (this.fault !== null) this.#weather.note('disk');
    throw Object.assign(new Error(`${code}: ${this.#name}, write '${dirname(path)}'`), { code });
  }
}
