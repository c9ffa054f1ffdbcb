import type { Env, HomeTick } from '../env.ts';
import { noteTick, readProgress } from '../store/installation.ts';
import type { Store } from '../store/store.ts';
import { jobsAt } from './jobs.ts';
import { runJobs } from './run-jobs.ts';

/** Queues take so many messages in one call (Cloudflare Queues, limits). */
const mostMessages = 100;
/** The homes take their turns within so much of the minute. */
const spreadSeconds = 40;
/** A home goes on with what is left until so long after the tick; the next one is near then. */
const goesOnForMs = 50_000;

/**
 * Does what is due at one tick of cron: in control here, in each other home by a queue message of its own, so that each has
 * the statements of an invocation for itself.
 */
export async function tick(store: Store, env: Env, nowMs: number): Promise<void> {
  await sendTicks(store, env, nowMs).catch((error: unknown) => {
    const msg = 'the homes are not told to tick; they will be by the next tick';
    console.error(JSON.stringify({ level: 'error', msg, error: String(error) }));
  });
  await tickAt(store.first, env, { nowMs, goesOn: false });
}

async function sendTicks({ homes }: Store, env: Env, tickMs: number): Promise<void> {
  const messages = Array.from({ length: homes - 1 }, (_, i) => ({
    body: { home: i + 1, tickMs, goesOn: false },
    delaySeconds: Math.floor((i * spreadSeconds) / homes),
  }));
  for (let at = 0; at < messages.length; at += mostMessages)
    await env.bindings.DELIVERY.sendBatch(messages.slice(at, at + mostMessages));
}

/**
 * Does what is due in a home that a queue message is about, and sends itself on while there is more. What fails is in the
 * notes of the home and in the log; it is tried again with the next tick.
 */
export async function tickHome(store: Store, env: Env, message: HomeTick): Promise<void> {
  const { home, tickMs, goesOn } = message;
  if (home >= store.homes) return;
  try {
    const isMore = await tickAt(store.at(home), env, { nowMs: tickMs, goesOn });
    if (isMore && Date.now() < tickMs + goesOnForMs)
      await env.bindings.DELIVERY.send({ home, tickMs, goesOn: true });
  } catch (error) {
    console.error(JSON.stringify({ level: 'error', msg: `home ${home}: ${String(error)}` }));
  }
}

/**
 * Does a step of what is due in a home, and notes there how far it came and what failed, for the operator to see.
 * @param of.goesOn only of what has more to do
 * @returns whether there is more
 */
async function tickAt(store: Store, env: Env, of: { nowMs: number; goesOn: boolean }): Promise<boolean> {
  const { nowMs, goesOn } = of;
  const before = await readProgress(store);
  const all = jobsAt(store.home);
  const jobs = goesOn ? all.filter(({ name }) => (before[name]?.place ?? null) !== null) : all;
  const { after, faults } = await runJobs(jobs, { store, env, nowMs }, before, nowMs);
  const text = faults.map(({ message }) => message).join('; ');
  await noteTick(store, nowMs, faults.length > 0 ? `cron: ${text}` : null, {
    ...(goesOn && before),
    ...after,
  });
  if (faults.length > 0) throw new AggregateError(faults, `cron: ${text}`);
  return Object.values(after).some(({ place }) => place !== null);
}
