import { isUuidV7, type MessageId } from '#domain/message/ids.ts';
import { parseReturnPath } from '#domain/message/return-path.ts';

const dayMs = 86_400_000;

/** What the words of a search box are. */
export type Sought =
  | { kind: 'nothing' }
  /** A message by its id, which may come as it is, in a Message-ID or in the token of a return path. */
  | { kind: 'id'; messageId: MessageId }
  /** An address, or a Message-ID, which looks the same. */
  | { kind: 'address'; text: string }
  | { kind: 'messageId'; text: string }
  | { kind: 'text'; text: string };

/** Reads what somebody put into the search box. */
export function soughtOf(words: string): Sought {
  const text = words.trim();
  if (text === '') return { kind: 'nothing' };
  const bare = text.replace(/^<|>$/g, '');
  const [local = '', domain] = bare.split('@');
  const id = bare.toLowerCase();
  if (isUuidV7(id)) return { kind: 'id', messageId: id };
  const token = parseReturnPath(local) ?? parseReturnPath(`b-${local}`);
  if (token) return { kind: 'id', messageId: token.messageId };
  if (domain === undefined || !/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(bare)) return { kind: 'text', text };
  if (isUuidV7(local.toLowerCase())) return { kind: 'id', messageId: local.toLowerCase() };
  return text.startsWith('<') ? { kind: 'messageId', text: bare } : { kind: 'address', text: bare };
}

/** A range of UTC days as a form gives it, `2026-11-21`; what is no day is open. */
export function daysOf(since: string, until: string): { fromMs: number | null; beforeMs: number | null } {
  const ms = (day: string) => (/^\d{4}-\d{2}-\d{2}$/.test(day) ? Date.parse(day) : Number.NaN);
  const [from, to] = [ms(since), ms(until)];
  return { fromMs: Number.isNaN(from) ? null : from, beforeMs: Number.isNaN(to) ? null : to + dayMs };
}

/** A place among an account's rows as it stands in an address. */
export function placeOf(text: string): { week: string; seq: number } | null {
  const [, week, seq] = /^(\d{4}w\d{2})-(\d{1,16})$/.exec(text) ?? [];
  return week && seq ? { week, seq: Number(seq) } : null;
}
