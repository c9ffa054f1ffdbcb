import { sql } from 'drizzle-orm';
import { type EventKind, eventKinds } from '#domain/delivery/event.ts';
import { receiverOf } from '#domain/delivery/receiver.ts';
import { classByRank } from '#domain/message/class.ts';
import type { Dimension } from '#domain/stats.ts';
import { batch } from './sql.ts';
import type { Counts } from './stats.ts';
import type { Store } from './store.ts';

/** Different tags, and streams, of an account that are counted in a day; more go under one name. */
export const mostTags = 200;
export const otherTags = '(other)';
/** What senders name as they like. */
const named: readonly Dimension[] = ['tag', 'stream'];

const ofReceivers: ReadonlySet<EventKind> = new Set([
  'delivered',
  'deferred',
  'bounced',
  'expired',
  'complained',
  'opened',
  'clicked',
  'unsubscribed',
]);
const withReason: ReadonlySet<EventKind> = new Set([
  'deferred',
  'bounced',
  'expired',
  'failed',
  'suppressed',
]);

/** What is added to a row of `stats`. */
export type CountRow = {
  accountId: number;
  day: string;
  dimension: Dimension;
  value: string;
} & Partial<Counts>;

/** Adds up events by account, day and dimension. */
export class Tally {
  readonly #rows = new Map<string, CountRow>();

  add(row: Record<string, unknown>): void {
    const kind = eventKinds.find((known) => known === row.kind);
    if (!kind) throw new Error(`an event of the unknown kind ${row.kind}`);
    const times = Number(row.times);
    const hour = String(row.hour);
    const at = { accountId: Number(row.account_id), day: hour.slice(0, 8) };
    this.#count({ ...at, dimension: 'day', value: '' }, kind, times);
    this.#count({ ...at, dimension: 'hour', value: hour.slice(8) }, kind, times);
    this.#count({ ...at, dimension: 'class', value: classByRank(Number(row.class)) }, kind, times);
    this.#count({ ...at, dimension: 'domain', value: String(row.signing_domain) }, kind, times);
    // What is not of another stream is of the default one: `store/stats.ts`.
    if (row.stream != null)
      this.#count({ ...at, dimension: 'stream', value: String(row.stream) }, kind, times);
    for (const tag of new Set(JSON.parse(String(row.tags)) as string[]))
      this.#count({ ...at, dimension: 'tag', value: tag }, kind, times);
    // Who keeps the mailbox is known once it was tried, and not of all when it was accepted.
    if (ofReceivers.has(kind)) {
      const value = receiverOf(String(row.domain), row.mx == null ? null : String(row.mx));
      this.#count({ ...at, dimension: 'provider', value }, kind, times);
    }
    if (withReason.has(kind)) {
      const value = row.reason == null ? 'unknown' : String(row.reason).slice(0, 64);
      this.#count({ ...at, dimension: 'reason', value }, kind, times);
    }
  }

  #count(of: CountRow, kind: EventKind, times: number): void {
    const key = JSON.stringify(of);
    const row = this.#rows.get(key) ?? of;
    row[kind] = (row[kind] ?? 0) + times;
    this.#rows.set(key, row);
  }

  /** The rows to add; tags and streams beyond the most that a day counts go under one name. */
  async rows(store: Store): Promise<CountRow[]> {
    const rows = [...this.#rows.values()];
    const dayOf = ({ accountId, day, dimension }: CountRow) => JSON.stringify([accountId, day, dimension]);
    const days = new Map(
      rows.filter((row) => named.includes(row.dimension)).map((row) => [dayOf(row), new Set<string>()]),
    );
    const [known = []] =
      days.size === 0
        ? []
        : await batch(store.d1, [
            sql`SELECT s.account_id, s.day, s.dimension, s.value FROM json_each(${`[${[...days.keys()].join(',')}]`}) j
              CROSS JOIN stats s ON s.account_id = j.value->>0 AND s.day = j.value->>1 AND s.dimension = j.value->>2`,
          ]);
    for (const row of known)
      days
        .get(JSON.stringify([Number(row.account_id), String(row.day), String(row.dimension)]))
        ?.add(String(row.value));
    const others = new Map<string, CountRow>();
    const kept = rows.filter((row) => {
      const names = days.get(dayOf(row));
      if (!names || names.has(row.value)) return true;
      if (names.size < mostTags) {
        names.add(row.value);
        return true;
      }
      const { accountId, day, dimension } = row;
      const other: CountRow = others.get(dayOf(row)) ?? { accountId, day, dimension, value: otherTags };
      for (const kind of eventKinds) {
        if (row[kind] !== undefined) other[kind] = (other[kind] ?? 0) + row[kind];
      }
      others.set(dayOf(row), other);
      return false;
    });
    return [...kept, ...others.values()];
  }
}
