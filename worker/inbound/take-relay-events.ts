import type { RelayEvent } from '#domain/relay-feed/relay-event.ts';
import { count } from '../store/counters.ts';
import { storeOfMessage } from '../store/message-homes.ts';
import { type Relayed, readRelayed } from '../store/relayed.ts';
import { findReturnedAll } from '../store/returns.ts';
import { noteTransportTold, type TransportTold } from '../store/transports.ts';
import { verifyReturnPath } from '../tokens/return-path.ts';
import { type Correlated, ownMessageId } from './correlate.ts';
import { settled, takeReading } from './receive.ts';
import type { Room } from './room.ts';

/** An event with the text that it came as, and by whose feed; null: the relay's id of the message tells. */
export interface ToldEvent extends RelayEvent {
  transport: string | null;
  text: string;
}

/**
 * What relays tell of messages that they took: counted by transport, and where it is news about a delivery, as if a report had
 * come back by mail. Whoever calls this has made sure that the relay says it. Throws only when the store cannot be reached.
 * @param otherwise the transport of those that name none and that no id tells; null: they are not counted
 */
export async function takeRelayEvents(
  room: Room,
  events: readonly ToldEvent[],
  otherwise: string | null = null,
): Promise<void> {
  const ids = events.flatMap(({ transport, relayId }) =>
    transport === null && relayId !== null ? [relayId] : [],
  );
  const relayed = await readRelayed(room.store, [...new Set(ids)]);
  const told = new Map<string, TransportTold>();
  for (const event of events) {
    const known = event.relayId === null ? undefined : relayed.get(event.relayId);
    const transport = event.transport ?? known?.name ?? otherwise;
    if (transport !== null) note(told, transport, event);
    // A success is what the timeline says already.
    if (event.reading.kind !== 'delivered') await take(room, event, known, transport);
  }
  await noteTransportTold(room.store, [...told.values()], room.nowMs);
}

function note(all: Map<string, TransportTold>, name: string, { counts, reading }: ToldEvent): void {
  const told = all.get(name) ?? { name, delivered: 0, refused: 0, text: null };
  all.set(name, told);
  if (counts === null) return;
  told[counts] += 1;
  if (counts === 'refused') told.text = reading.recipients[0]?.diagnostic.slice(0, 500) || told.text;
}

async function take(
  room: Room,
  event: ToldEvent,
  known: Relayed | undefined,
  transport: string | null,
): Promise<void> {
  const found = await deliveryOf(room, event, known);
  if (!found) {
    await count(room.store, { relay_event_uncorrelated: 1 }, room.nowMs);
    return;
  }
  const raw = new TextEncoder().encode(event.text);
  await takeReading(room, found, event.reading, {
    mailFrom: '',
    raw,
    ...(transport === null ? {} : { transport }),
  });
}

/** Which delivery it is about: by our return path, by the relay's id, or by our Message-ID with the recipient. */
async function deliveryOf(
  room: Room,
  { sender, reading }: ToldEvent,
  known: Relayed | undefined,
): Promise<Correlated | null> {
  const localPart = /\bb-[a-z2-7]{44}(?=@)/i.exec(sender)?.[0];
  const token = localPart && (await verifyReturnPath(localPart, room.settings.returnPathKeys));
  if (token) return await settled(room, token);
  if (known) return await settled(room, known);
  const messageId = ownMessageId(reading);
  const home = messageId && (await storeOfMessage(room.store, messageId));
  if (!home || messageId === null) return null;
  const named = reading.recipients.map(({ recipient }) => recipient.toLowerCase());
  const deliveries = await findReturnedAll(home, messageId, room.nowMs);
  const delivery = deliveries.find(({ recipient }) => named.includes(recipient.toLowerCase()));
  return delivery ? { delivery, verified: true } : null;
}
