import { transportPresets } from '#domain/delivery/transport.ts';
import { type CloudflareEvent, cloudflareEvent, readCloudflareEvent } from '#domain/relay-feed/cloudflare.ts';
import { moveOn } from '../cron/moves.ts';
import { tickHome } from '../cron/tick.ts';
import {
  accountMove,
  type CarryOrder,
  carryOrder,
  deliveryPointers,
  type Env,
  eventPointers,
  type HomeTick,
  homeTick,
} from '../env.ts';
import { hubOf } from '../hub/hub-of.ts';
import { sendMove } from '../hub/send-move.ts';
import { inRoom } from '../inbound/doors.ts';
import { type ToldEvent, takeRelayEvents } from '../inbound/take-relay-events.ts';
import { type CarryEnd, carryMail } from '../node-api/carry.ts';
import { homesOfMessages } from '../store/message-homes.ts';
import { openStore } from '../store/store.ts';
import { readTransports } from '../store/transports.ts';
import { pokeAccounts } from '../webhook/poke.ts';

/** As late as a queue tries a message again (Queues, limits): until it is taken away, or is too old to be kept. */
const foreignDelaySeconds = 12 * 3600;

/**
 * The consumer of all queues. What a message is says its form, not its queue's name, which an installation of an older
 * version has otherwise. Pointers to deliveries only say that there is work: one wake for a whole batch. Pointers to
 * accounts poke the senders of their active endpoints; posting is theirs alone, since batches of a queue may be carried
 * out one after the other. Orders to carry are one run, in which the Worker hands mail to its own transports. Events of Cloudflare Email Service tell what became of mail that left by it. What is not
 * ours stays in the queue for whom it is.
 */
export async function consume(batch: MessageBatch, env: Env): Promise<void> {
  const accountIds = new Set<number>();
  const foreign: Message[] = [];
  const pointers: string[] = [];
  const ticks: HomeTick[] = [];
  const moves = new Set<number>();
  const told: ToldEvent[] = [];
  let wake = false;
  const carries: CarryOrder[] = [];
  for (const message of batch.messages) {
    const { body } = message;
    // What comes most is asked for first, and nothing is read a second time.
    const work = deliveryPointers.safeParse(body);
    if (work.success) {
      wake = true;
      pointers.push(...work.data.pointers.map(({ messageId }) => messageId));
      continue;
    }
    const events = eventPointers.safeParse(body);
    if (events.success) {
      for (const id of events.data.accountIds) accountIds.add(id);
      continue;
    }
    const carrying = carryOrder.safeParse(body);
    if (carrying.success) {
      carries.push(carrying.data);
      continue;
    }
    const ticking = homeTick.safeParse(body);
    if (ticking.success) {
      ticks.push(ticking.data);
      continue;
    }
    const moving = accountMove.safeParse(body);
    if (moving.success) {
      moves.add(moving.data.move);
      continue;
    }
    const event = cloudflareEvent.safeParse(body);
    if (event.success) told.push(toldBy(event.data, body));
    else foreign.push(message);
  }
  if (wake) {
    const homes = await homesOfMessages(openStore(env), pointers);
    await hubOf(env.bindings.HUB).wake(homes);
  }
  await tickOne(ticks, env);
  await moveOne(moves, env, ticks.length > 0);
  if (told.length > 0) await takeTold(told, env);
  if (accountIds.size > 0) await pokeAccounts(env, [...accountIds]);
  await carryOne(carries, env, ticks.length > 0 || moves.size > 0);
  if (foreign.length === 0) {
    batch.ackAll();
    return;
  }
  const msg = 'messages of an unknown form are in this queue, and are left there';
  console.error(JSON.stringify({ level: 'error', msg, queue: batch.queue, foreign: foreign.length }));
  for (const message of batch.messages) {
    if (foreign.includes(message)) message.retry({ delaySeconds: foreignDelaySeconds });
    else message.ack();
  }
}

function toldBy(event: CloudflareEvent, body: unknown): ToldEvent {
  return { ...readCloudflareEvent(event), transport: null, text: JSON.stringify(body) };
}

const toldByQueue = new Set(transportPresets.filter(({ feed }) => feed === 'queue').map(({ name }) => name));

/** What Cloudflare Email Service tells of mail that it took for a transport of its own. */
async function takeTold(told: readonly ToldEvent[], env: Env): Promise<void> {
  const store = openStore(env);
  const { transports } = await readTransports(store, Date.now());
  const own = transports.find(({ preset }) => toldByQueue.has(preset));
  await inRoom(store, env, (room) => takeRelayEvents(room, told, own?.name ?? null));
}

/** A run has the statements of an invocation for itself. What fails is done by the next run, which the sweep asks for. */
async function carryOne(orders: readonly CarryOrder[], env: Env, isTaken: boolean): Promise<void> {
  const [first] = orders;
  if (!first || !env.bindings.EMAIL) return;
  // One from the beginning looks at all that the others would.
  const { place: from } = orders.find(({ place }) => place === null) ?? first;
  try {
    if (isTaken) {
      await env.bindings.DELIVERY.send({ carry: true, place: from });
      return;
    }
    const hub = hubOf(env.bindings.HUB);
    const run = await hub.beginToCarry();
    if (run === null) return;
    let end: CarryEnd = { isMore: false, place: null };
    try {
      end = await carryMail(openStore(env), env, from);
    } finally {
      await hub.endToCarry(run, end);
    }
  } catch (error) {
    console.error(JSON.stringify({ level: 'error', msg: 'mail is not carried', error: String(error) }));
  }
}

/** So much later come those that came together with another. */
const nextTickSeconds = 2;

/** An invocation has the statements of one home's tick; the others are sent again. */
async function tickOne([first, ...others]: readonly HomeTick[], env: Env): Promise<void> {
  if (!first) return;
  const sameHome = ({ home, goesOn }: HomeTick) => home === first.home && goesOn === first.goesOn;
  const later = others.filter((one) => !sameHome(one));
  if (later.length > 0)
    await env.bindings.DELIVERY.sendBatch(
      later.map((body, i) => ({ body, delaySeconds: (i + 1) * nextTickSeconds })),
    );
  await tickHome(openStore(env), env, first);
}

/** A move has the statements of an invocation for itself, too. */
async function moveOne(moves: ReadonlySet<number>, env: Env, isTaken: boolean): Promise<void> {
  const [first, ...others] = moves;
  if (first === undefined) return;
  for (const later of isTaken ? moves : others) await sendMove(env, later, nextTickSeconds);
  if (!isTaken) await moveOn(openStore(env), env, first);
}
