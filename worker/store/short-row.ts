import { type SQL, sql } from 'drizzle-orm';
import type { NewEvent } from '#domain/delivery/event.ts';
import { dispatchedEventId, type MessageId } from '#domain/message/ids.ts';
import { timelineOf } from './stored-event.ts';

/**
 * What a row of a message or delivery leaves out since the rest of it tells it (`domain/message/row-form.ts`, form 3):
 *
 * - `message_id_header` is `@`: the id at the domain of the sender.
 * - `from_header` ends in `<@>`: the sender's address is there; it is nothing else: the address alone.
 * - `addressees` is empty: the first recipient, and nobody in Cc.
 * - the `dispatched` entry of a timeline has no id: it is made of the delivery's.
 */

/** What no header field can be. */
const ownId = '@';
const ownSender = '<@>';

/** The form from which on rows are short. */
const shortFrom = 3;

export function isShort({ writesRows }: { writesRows: number }): boolean {
  return writesRows >= shortFrom;
}

/** A message as far as its row may leave something out. */
export interface Told {
  id: MessageId;
  fromAddress: string;
  fromHeader: string;
  addressees: { to: string[]; cc: string[] };
  messageIdHeader: string;
  deliveries: readonly { recipient: string }[];
}

/** The texts of the columns of a new row. */
export function shortTexts(of: Told): { fromHeader: string; addressees: string; messageIdHeader: string } {
  const { fromAddress, addressees, deliveries } = of;
  const fromHeader = of.fromHeader.toWellFormed();
  const { to, cc } = addressees;
  const isFirst = to.length === 1 && cc.length === 0 && to[0] === deliveries[0]?.recipient;
  const ending = `<${fromAddress}>`;
  return {
    fromHeader:
      fromHeader === fromAddress
        ? ownSender
        : fromHeader.endsWith(ending) && fromHeader !== ending
          ? `${fromHeader.slice(0, -ending.length)}${ownSender}`
          : fromHeader,
    addressees: isFirst ? '' : JSON.stringify(addressees),
    messageIdHeader: of.messageIdHeader === ownMessageId(of) ? ownId : of.messageIdHeader,
  };
}

/** The same with nothing left out. */
export function wholeTexts({ fromHeader, addressees, messageIdHeader }: Told): ReturnType<typeof shortTexts> {
  return { fromHeader: fromHeader.toWellFormed(), addressees: JSON.stringify(addressees), messageIdHeader };
}

/** Null where the address has more than one `@`: which one parts it is more than statements are to know. */
function ownMessageId({ id, fromAddress }: Pick<Told, 'id' | 'fromAddress'>): string | null {
  const [, domain, more] = fromAddress.split('@');
  return domain === undefined || more !== undefined ? null : `<${id}@${domain}>`;
}

/** The From header of a row with `from_header` and `from_address`. */
export function fromHeaderOf(row: Record<string, unknown>): string {
  const text = String(row.from_header);
  const address = String(row.from_address);
  if (text === ownSender) return address;
  return text.endsWith(ownSender) ? `${text.slice(0, -ownSender.length)}<${address}>` : text;
}

/** The Message-ID of a row with `message_id_header`, `from_address` and `id`, or `message_id`. */
export function messageIdHeaderOf(row: Record<string, unknown>): string {
  const text = String(row.message_id_header);
  if (text !== ownId) return text;
  return (
    ownMessageId({ id: String(row.id ?? row.message_id), fromAddress: String(row.from_address) }) ?? text
  );
}

/** The addressees of a row. @param first the recipient 0 */
export function addresseesOf(
  row: Record<string, unknown>,
  first: string | undefined,
): { to: string[]; cc: string[] } {
  const text = String(row.addressees);
  if (text !== '') return JSON.parse(text) as { to: string[]; cc: string[] };
  return { to: first === undefined ? [] : [first], cc: [] };
}

/** The Message-ID of a row `m` of messages, in a statement. */
export const messageIdExpression = sql`iif(m.message_id_header = '@',
  '<' || m.id || substr(m.from_address, instr(m.from_address, '@')) || '>', m.message_id_header)`;

/** The condition that a row `m` of messages has a Message-ID, in angle brackets or not. */
export function hasMessageId(header: string): SQL {
  return sql`${messageIdExpression} = ${`<${header.replace(/^<|>$/g, '')}>`}`;
}

/** The entry `dispatched` of a delivery's timeline by a lease, in a statement. */
export function dispatchedEntry(store: { writesRows: number }, node: string, nowMs: number): SQL {
  const id = isShort(store) ? sql`` : sql`'id', substr(message_id, 1, 34) || printf('%02x', n + 129), `;
  return sql`json_object(${id}'kind', 'dispatched', 'atMs', CAST(${nowMs} AS INTEGER), 'details', json_object('node', ${node}))`;
}

/** The events of the timeline of a row of deliveries. */
export function timelineOfRow(row: Record<string, unknown>): NewEvent[] {
  return timelineOf(row.timeline).map(({ id, ...event }: Omit<NewEvent, 'id'> & { id?: string }) => ({
    id: id ?? dispatchedEventId(String(row.message_id), Number(row.n)),
    ...event,
  }));
}
