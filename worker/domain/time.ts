import { z } from 'zod';

const shape = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d):(\d\d)(\.\d{1,9})?(Z|[+-]\d\d:\d\d)?$/;

/**
 * Unix milliseconds of a time in RFC 3339 §5.6: "T" and "Z" in either case, a blank for "T", a leap second.
 * @returns a sentence that says what is wrong with another text
 */
export function readTime(text: string): number | string {
  const [, day, minute, second, fraction = '', zone] = shape.exec(text.toUpperCase().replace(' ', 'T')) ?? [];
  if (day === undefined) return 'must be a time (RFC 3339) such as 2030-01-31T09:30:00Z';
  if (zone === undefined) return 'has no zone: end it with Z for UTC, or with an offset such as +02:00';
  // The last second of a day may be its 61st (RFC 3339 §5.7).
  const leap = second === '60';
  const iso = `${day}T${minute}:${leap ? '59' : second}${fraction}${zone}`;
  const ms = z.iso.datetime({ offset: true }).safeParse(iso).success ? Date.parse(iso) : Number.NaN;
  if (Number.isNaN(ms)) return 'is no time that there is';
  return leap ? ms + 1000 : ms;
}

/** A time in RFC 3339, as Unix milliseconds. */
export const time = z
  .string()
  .max(40)
  .transform((text, context): number => {
    const read = readTime(text);
    if (typeof read === 'number') return read;
    context.addIssue({ code: 'custom', message: read });
    return z.NEVER;
  })
  .meta({ format: 'date-time' });

const dayFirst = /^(\d{1,2})([./-])(\d{1,2})\2(\d{4})(?:,? (\d{1,2}):(\d\d)(?::(\d\d))?)?$/;
const yearFirst = /^(\d{4})([./-])(\d{1,2})\2(\d{1,2})(?:[ T](\d{1,2}):(\d\d)(?::(\d\d)(?:\.\d+)?)?)?$/;
const mailDate = /^(?:[A-Z][a-z]{2}, )?\d{1,2} [A-Z][a-z]{2} \d{4}\b/;

/**
 * Unix milliseconds of a date or time as exports and spreadsheets write them: Unix time in seconds or milliseconds,
 * RFC 3339 and its parts, RFC 5322 §3.3, day and month in either order where only one is possible. Without a zone it
 * is UTC.
 * @returns a sentence that says what is wrong with another text; an ambiguous date is not guessed
 */
export function readDate(text: string): number | string {
  if (/^\d{9,11}(\.\d+)?$/.test(text)) return Math.round(Number(text) * 1000);
  if (/^\d{12,14}$/.test(text)) return Number(text);
  const exact = readTime(text);
  if (typeof exact === 'number') return exact;
  const unreadable = `cannot be read: "${text.slice(0, 40)}"`;
  if (mailDate.test(text)) {
    const ms = Date.parse(/(?:[+-]\d{4}|[A-Z]{1,4})$/.test(text) ? text : `${text} UTC`);
    return Number.isNaN(ms) ? unreadable : ms;
  }
  const [, year, , month, day, ...clock] = yearFirst.exec(text) ?? [];
  if (year !== undefined) return instant([year, month, day], clock) ?? unreadable;
  const [, one, , two, laterYear, ...laterClock] = dayFirst.exec(text) ?? [];
  if (one === undefined) return unreadable;
  const [a, b] = [Number(one), Number(two)];
  if (a <= 12 && b <= 12 && a !== b) {
    return `could be of two days: "${text.slice(0, 40)}"; write it as 2030-01-31`;
  }
  return instant(a > 12 ? [laterYear, two, one] : [laterYear, one, two], laterClock) ?? unreadable;
}

/** Null when there is no such day or time. */
function instant(day: (string | undefined)[], clock: (string | undefined)[]): number | null {
  const two = (part: string | undefined) => (part ?? '').padStart(2, '0');
  const date = day.map(two).join('-');
  const [hours, minutes, seconds] = clock.map(two);
  const read = readTime(`${date}T${clock[0] === undefined ? '00:00:00' : `${hours}:${minutes}:${seconds}`}Z`);
  return typeof read === 'number' ? read : null;
}
