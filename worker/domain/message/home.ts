import { type MessageId, timeOfId } from './ids.ts';

/** Where the rows of a message live: a database (shard) and the tables of one ISO week. */
export interface Home {
  shard: number;
  /** ISO 8601 week, e.g. `2026w47`, in UTC; orders as text. */
  week: string;
}

const dayMs = 86_400_000;
const weekMs = 7 * dayMs;

/** Control is the first home: it has what spans accounts too. */
export const firstHome = 0;
/** A message id has one byte for its shard. */
export const mostHomes = 256;

/**
 * Numbers of rows that are told to the outside (domains, keys, endpoints, aliases) are made from here on in a home: they
 * are different in all homes, so that an account can be moved with its rows, and they fit into twelve hex digits.
 */
export function firstNumberOf(home: number): number {
  return home * 2 ** 40;
}

/** The home that has made a row's number. */
export function homeOfNumber(number: number): number {
  return Math.floor(number / 2 ** 40);
}

/** The home of a message, told by its id alone. */
export function homeOf(messageId: MessageId): Home {
  return { shard: Number.parseInt(messageId.slice(32, 34), 16), week: weekOf(timeOfId(messageId)) };
}

/** The ISO week (UTC) that holds a time, e.g. `2026w47`. */
export function weekOf(ms: number): string {
  const thursday = startOfWeek(ms) + 3 * dayMs; // ISO 8601: a week belongs to the year of its Thursday
  const year = new Date(thursday).getUTCFullYear();
  const number = 1 + Math.floor((thursday - Date.UTC(year, 0, 1)) / weekMs);
  return `${year}w${String(number).padStart(2, '0')}`;
}

/** First millisecond (Monday, UTC) of the week that holds a time. */
export function startOfWeek(ms: number): number {
  const daysSinceMonday = (Math.floor(ms / dayMs) + 3) % 7; // 1970-01-01 was a Thursday
  return (Math.floor(ms / dayMs) - daysSinceMonday) * dayMs;
}

/** Every week from the one that holds `fromMs` to the one that holds `toMs`, oldest first. */
export function weeksBetween(fromMs: number, toMs: number): string[] {
  const weeks: string[] = [];
  for (let ms = startOfWeek(fromMs); ms <= toMs; ms += weekMs) weeks.push(weekOf(ms));
  return weeks;
}

/** First millisecond of a week named by `weekOf`. */
export function weekStartMs(week: string): number {
  const year = Number(week.slice(0, 4));
  return startOfWeek(Date.UTC(year, 0, 4)) + (Number(week.slice(5)) - 1) * weekMs;
}

/** First millisecond after a week. */
export function weekEndMs(week: string): number {
  return weekStartMs(week) + weekMs;
}

/** A day in UTC, e.g. `20261121`; names the table that holds the bodies first needed on that day. */
export function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10).replaceAll('-', '');
}
