import { readFile, rename, writeFile } from 'node:fs/promises';
import { z } from 'zod';

const kept = z.object({
  day: z.number().int(),
  hour: z.number().int(),
  counts: z.record(z.string(), z.object({ today: z.number().int(), thisHour: z.number().int() })),
});

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** Counts that a restart may lose at most so much of, ms. */
const writtenAfterMs = 5000;

/**
 * Attempts by sending address, in this UTC day and hour. They are kept in a file, so that a restart does not begin a
 * ramp's day anew; a crash loses the last seconds.
 */
export class SendingCounts {
  readonly #path: string | null;
  readonly #onFault: (error: unknown) => void;
  #day = 0;
  #hour = 0;
  #counts = new Map<string, { today: number; thisHour: number }>();
  #timer: NodeJS.Timeout | null = null;
  #writing: Promise<void> = Promise.resolve();

  /** @param path null: they are kept in memory alone */
  constructor(path: string | null = null, onFault: (error: unknown) => void = () => undefined) {
    this.#path = path;
    this.#onFault = onFault;
  }

  /** As an earlier run left them. What cannot be read is told, and counted anew. */
  static async open(path: string, onFault: (error: unknown) => void): Promise<SendingCounts> {
    const counts = new SendingCounts(path, onFault);
    const text = await readFile(path, 'utf8').catch(() => null);
    if (text === null) return counts;
    try {
      const { day, hour, counts: found } = kept.parse(JSON.parse(text));
      counts.#day = day;
      counts.#hour = hour;
      counts.#counts = new Map(Object.entries(found));
    } catch (error) {
      onFault(error);
    }
    return counts;
  }

  add(name: string, nowMs: number): void {
    const { today, thisHour } = this.of(name, nowMs);
    this.#counts.set(name, { today: today + 1, thisHour: thisHour + 1 });
    this.#writeLater();
  }

  /** Takes back what was counted at `atMs`, as no attempt came of it: of the day and the hour that are not over yet. */
  takeBack(name: string, atMs: number, nowMs: number): void {
    const { today, thisHour } = this.of(name, nowMs);
    const isOf = (now: number, ms: number) => (Math.floor(atMs / ms) === now ? 1 : 0);
    this.#counts.set(name, {
      today: Math.max(0, today - isOf(this.#day, dayMs)),
      thisHour: Math.max(0, thisHour - isOf(this.#hour, hourMs)),
    });
    this.#writeLater();
  }

  of(name: string, nowMs: number): { today: number; thisHour: number } {
    this.#turnTo(nowMs);
    return this.#counts.get(name) ?? { today: 0, thisHour: 0 };
  }

  async close(): Promise<void> {
    if (this.#timer) await this.#write();
    await this.#writing;
  }

  #turnTo(nowMs: number): void {
    const hour = Math.floor(nowMs / hourMs);
    const day = Math.floor(hour / 24);
    // A clock that is set back leaves a count standing rather than beginning it anew.
    if (day > this.#day) this.#counts.clear();
    else if (hour > this.#hour)
      for (const [name, { today }] of this.#counts) this.#counts.set(name, { today, thisHour: 0 });
    this.#day = Math.max(day, this.#day);
    this.#hour = Math.max(hour, this.#hour);
  }

  #writeLater(): void {
    if (this.#path === null || this.#timer) return;
    this.#timer = setTimeout(() => void this.#write(), writtenAfterMs);
    this.#timer.unref();
  }

  #write(): Promise<void> {
    const path = this.#path;
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    if (path === null) return Promise.resolve();
    const state = { day: this.#day, hour: this.#hour, counts: Object.fromEntries(this.#counts) };
    this.#writing = this.#writing
      .then(() => writeFile(`${path}.new`, JSON.stringify(state)))
      .then(() => rename(`${path}.new`, path))
      .catch(this.#onFault);
    return this.#writing;
  }
}
