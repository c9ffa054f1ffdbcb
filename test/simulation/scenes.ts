import { letterOf, openEndpoint, someAccount, someRecipient } from './customers.ts';
import type { Manner } from './mx.ts';
import type { OperationKind } from './plan.ts';
import type { Random } from './random.ts';
import { bring, dsn } from './returns.ts';
import { sendBatch, sendLetter } from './sending.ts';
import type { Service } from './service.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
type Doing = (service: Service, random: Random) => Promise<void>;

/** A search that no message fits. */
export const nothingFound = '/v1/emails?to=nobody%40fine.mx.example';

/** What comes to pass only when several things happen in one order. */
export const scenes: Partial<Record<OperationKind, Doing>> = {
  /** Mail is opened in the last minutes in which its tables are asked for, when what was opened before is counted. */
  lastOpens: async (service, random) => {
    service.stir(4 * hourMs);
    const oldestMs = service.clock.nowMs - 41 * dayMs;
    const old = service.links.filter(({ messageId }) => {
      const atMs = service.byMessage.get(messageId)?.acceptedMs ?? 0;
      return atMs > oldestMs && atMs < oldestMs + 8 * dayMs;
    });
    const midnightMs = Math.ceil(service.clock.nowMs / dayMs) * dayMs;
    while (old.length > 0 && service.clock.nowMs < midnightMs - 100) {
      const found = random.pick(old);
      const path = random.pick([...found.opens, ...found.clicks, null]);
      if (path) {
        const headers = { 'User-Agent': 'Mozilla/5.0' };
        service.judge('open', await service.edge.fetch({ method: 'GET', path, headers }));
      }
      const leftMs = midnightMs - service.clock.nowMs;
      await service.clock.sleep(Math.max(50, Math.min(leftMs / 2, 3 * minuteMs)));
    }
  },

  /** An endpoint is away for nearly five days, comes back, and stumbles once. */
  recovery: async (service, random) => {
    const account = someAccount(service, random);
    const before = account.endpoints.length;
    await openEndpoint(service, account, random, 'sick');
    const endpoint = account.endpoints[before];
    if (!endpoint) return;
    const { receiver } = endpoint;
    receiver.sickUntilMs = service.clock.nowMs + 5 * dayMs - random.between(1, 8) * hourMs;
    const send = () => {
      const letters = Array.from({ length: 12 }, () =>
        letterOf(account, random, { text_body: 'Hello.', to: [someRecipient(random, ['fine'])] }),
      );
      return sendBatch(service, account, letters);
    };
    await send();
    await service.clock.sleep(5 * dayMs + random.between(1, 6) * hourMs);
    service.stir();
    await send();
  },

  /** Somebody sends a thousand messages in test mode, and looks for one that is not there. */
  archive: async (service, random) => {
    const account = someAccount(service, random);
    for (let i = 0; i < 10; i++) {
      const letters = Array.from({ length: 100 }, () =>
        letterOf(account, random, {
          to: [someRecipient(random)],
          text_body: 'Hello.',
          metadata: { sim: 'test' },
        }),
      );
      await sendBatch(service, account, letters, account.testKey);
    }
    await service.call('GET', nothingFound, account.key);
  },

  /** The second attempt is given back before it has come to anything, and a DSN of the first comes. */
  returnedWhileReleased: async (service, random) => {
    const account = someAccount(service, random);
    const to = (i: number) => [`once${i}@lost.mx.example`];
    const own = new Set<string>();
    for (let i = 0; i < 6; i++) {
      const letter = letterOf(account, random, { to: to(i), text_body: 'Hello.', class: 'priority' });
      await sendLetter(service, account, letter);
      const id = account.sent.at(-1)?.messageId;
      if (id !== undefined) own.add(id);
    }
    const again = await new Promise<string | null>((resolve) => {
      const told = ({ messageId, attempt }: { messageId: string; attempt: number }) => {
        if (attempt > 1 && own.has(messageId)) end(messageId);
      };
      const end = (messageId: string | null) => {
        service.mx.begun.delete(told);
        resolve(messageId);
      };
      service.mx.begun.add(told);
      service.clock.after(5 * minuteMs, () => end(null));
    });
    const nodes = service.nodes.filter((node) => node.isUp);
    await Promise.all(nodes.map((node) => node.stop()));
    const [first] = again === null ? [] : service.mx.acceptedOf(again, 0);
    if (first) {
      const id = `<${random.uuid()}@mx.example>`;
      await bring(service, first, dsn(id, first.rcptTo, first.messageId), random);
    }
    await service.clock.sleep(random.between(1, 60) * 1000);
    for (const node of nodes) if (!node.isUp) node.start();
    service.stir();
  },

  /** Many are asked to come again while the edge is away: it hears of all of them at once. */
  greylisted: (service, random) => awayWhileTried(service, random, ['full', 'grey'], random.between(1, 4)),

  /** The edge is away for longer than a lease, and does not hear what has been delivered. */
  awayForLong: (service, random) => awayWhileTried(service, random, ['fine', 'slow'], random.between(35, 70)),

  /** Nodes die between the end of the data and the answer of the MX. */
  killedAtTheDot: async (service, random) => {
    const account = someAccount(service, random);
    const before = service.mx.acceptances;
    const letters = Array.from({ length: 8 }, () =>
      letterOf(account, random, { text_body: 'Hello.', to: [someRecipient(random, ['slow'])] }),
    );
    await sendBatch(service, account, letters);
    for (let i = 0; i < 60 && service.mx.acceptances === before; i++) await service.clock.sleep(5000);
    const nodes = service.nodes.filter((node) => node.isUp);
    for (const node of nodes) node.kill();
    await service.clock.sleep(random.between(1, 60) * 1000);
    for (const node of nodes) if (!node.isUp) node.start();
    service.stir();
  },

  /** The database loses answers, and cron runs twice at once, while the events of an hour are counted. */
  foldedTwice: async (service, random) => {
    const account = someAccount(service, random);
    for (let hour = 0; hour < 6; hour++) {
      const letters = Array.from({ length: 6 }, () =>
        letterOf(account, random, { text_body: 'Hello.', to: [someRecipient(random, ['fine'])] }),
      );
      await sendBatch(service, account, letters);
      await service.clock.sleep(20_000);
      service.weather.begin({ seam: 'd1', probability: 0.15, forMs: 5 * minuteMs });
      for (let i = 0; i < 8; i++) {
        await Promise.all([service.edge.tick(), service.edge.tick()]);
        await service.clock.sleep(30_000);
      }
      service.stir();
      await service.clock.sleep(58 * minuteMs);
    }
  },
};

/** The edge goes away as the first of many deliveries is begun. */
async function awayWhileTried(
  service: Service,
  random: Random,
  manners: readonly Manner[],
  minutes: number,
): Promise<void> {
  const account = someAccount(service, random);
  const letters = Array.from({ length: 60 }, () =>
    letterOf(account, random, { text_body: 'Hello.', to: [someRecipient(random, manners)] }),
  );
  const forMs = minutes * minuteMs;
  const first = () => {
    service.mx.begun.delete(first);
    service.weather.begin({ seam: 'edge', probability: 1, forMs });
  };
  service.mx.begun.add(first);
  service.stir(forMs + 50 * minuteMs);
  await sendBatch(service, account, letters);
  service.clock.after(5 * minuteMs, () => service.mx.begun.delete(first));
}
