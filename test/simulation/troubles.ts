import { letterOf, someAccount } from './customers.ts';
import type { OperationKind } from './plan.ts';
import type { Random } from './random.ts';
import { sendBatch } from './sending.ts';
import type { Service } from './service.ts';
import type { Spell } from './weather.ts';

const minuteMs = 60_000;
type Doing = (service: Service, random: Random) => Promise<void>;

const spell =
  (of: (random: Random) => Spell): Doing =>
  async (service, random) => {
    const begun = of(random);
    service.weather.begin(begun);
    service.stir(begun.forMs + 10 * minuteMs);
  };

const away = spell((random) => ({
  seam: 'edge',
  probability: 1,
  forMs: random.pick([random.between(1, 10), random.between(35, 120)]) * minuteMs,
}));

/** Mail that is under way when something goes wrong. */
async function someMail(service: Service, random: Random): Promise<void> {
  const account = someAccount(service, random);
  const letters = Array.from({ length: random.between(2, 12) }, () =>
    letterOf(account, random, { text_body: 'Hello.' }),
  );
  await sendBatch(service, account, letters);
}

/** Machines, networks and people fail in these ways. */
const troubles: Partial<Record<OperationKind, Doing>> = {
  databaseFaults: spell((random) => ({
    seam: 'd1',
    probability: random.pick([0.02, 0.1, 0.4]),
    forMs: random.between(1, 30) * minuteMs,
    slowMs: random.pick([0, 0, 3000]),
  })),
  bucketFaults: spell((random) => ({
    seam: 'r2',
    probability: 0.5,
    forMs: random.between(1, 30) * minuteMs,
  })),
  queueFaults: spell((random) => ({
    seam: 'queue',
    probability: random.pick([0.3, 1]),
    forMs: random.between(1, 60) * minuteMs,
  })),
  objectFaults: spell((random) => ({
    seam: 'object',
    probability: random.pick([0.3, 1]),
    forMs: random.between(1, 60) * minuteMs,
  })),
  /** It goes away while mail is under way. */
  edgeAway: async (service, random) => {
    await someMail(service, random);
    await service.clock.sleep(random.between(100, 20_000));
    await away(service, random);
  },
  edgeFlaky: spell((random) => ({
    seam: 'edge',
    probability: random.pick([0.05, 0.3]),
    forMs: random.between(1, 30) * minuteMs,
    slowMs: random.pick([0, 20_000]),
  })),
  hookFaults: spell((random) => ({
    seam: 'hook',
    probability: 0.3,
    forMs: random.between(1, 60) * minuteMs,
  })),
  dnsFaults: spell((random) => ({ seam: 'dns', probability: 0.5, forMs: random.between(1, 60) * minuteMs })),
  deaf: spell((random) => ({ seam: 'wake', probability: 1, forMs: random.between(1, 60) * minuteMs })),

  diskTrouble: async (service, random) => {
    const { disk } = random.pick(service.nodes);
    disk.fault = random.pick(['ENOSPC', 'EROFS'] as const);
    service.stir(20 * minuteMs);
    await service.clock.sleep(random.between(1, 20) * minuteMs);
    disk.fault = null;
    service.stir();
  },

  restartIsolates: async (service, random) => {
    for (let left = random.between(1, 4); left > 0; left--) {
      service.edge.restartIsolate();
      await service.clock.sleep(random.between(1, 20_000));
    }
  },

  resetObjects: async (service, random) => {
    for (let left = random.between(1, 6); left > 0; left--) {
      service.edge.senders.reset(random.chance(0.5));
      service.edge.hub.reset(false);
      await service.clock.sleep(random.between(1, 60_000));
    }
  },

  /** Killed a few times, at whatever it was waiting for. */
  killNode: async (service, random) => {
    const node = random.pick(service.nodes);
    for (let left = random.between(1, 4); left > 0; left--) {
      await service.clock.sleep(random.between(1, 30_000));
      node.kill();
      await service.clock.sleep(random.between(100, 40_000));
      node.start();
    }
  },

  stopNode: async (service, random) => {
    const node = random.pick(service.nodes);
    await node.stop();
    await service.clock.sleep(random.between(100, 60_000));
    node.start();
  },

  /** A machine is away for longer than a lease; the others go on, and it comes back with what it knew. */
  replaceNode: async (service, random) => {
    await someMail(service, random);
    await service.clock.sleep(random.between(20, 5000));
    const node = random.pick(service.nodes);
    node.kill();
    service.stir(60 * minuteMs);
    await service.clock.sleep(random.between(5, 150) * minuteMs);
    service.stir();
    node.start();
  },

  moveClock: async (service, random) => {
    const node = random.pick(service.nodes);
    node.jump(random.pick([random.between(-20, 20), random.between(-60, 60)]) * minuteMs);
    service.stir(60 * minuteMs);
    await someMail(service, random);
    await service.clock.sleep(random.between(5, 180) * minuteMs);
    if (random.chance(0.5)) node.jump(0);
  },

  /** The operator has changed the token, and forgets the node. */
  wrongToken: async (service, random) => {
    const node = random.pick(service.nodes);
    const { token } = node;
    node.kill();
    node.token = `pp_node_${'x'.repeat(43)}`;
    node.start();
    await service.clock.sleep(random.between(10, 30) * minuteMs);
    service.onWrongToken(node);
    node.kill();
    node.token = token;
    node.start();
    service.stir();
  },
};

export function trouble(kind: OperationKind): Doing {
  const found = troubles[kind];
  if (!found) throw new Error(`nobody knows how to do ${kind}`);
  return found;
}
