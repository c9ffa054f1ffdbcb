import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type DeliveryFacts,
  type DeliveryState,
  deliveryStates,
  isFinal,
  messageStatus,
  moveTo,
  reduceDelivery,
  retryDelayMs,
  transitions,
} from '#domain/delivery/delivery.ts';
import type { Outcome } from '#domain/delivery/outcome.ts';
import { classNames, classOf } from '#domain/message/class.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const startMs = Date.UTC(2026, 10, 16, 12);

const session = {
  mx: { host: 'mx.test', address: '192.0.2.1' },
  tls: null,
  reused: false,
  steps: [],
  tried: [],
};
const timing = { startedAtMs: startMs, endedAtMs: startMs + 80, session };
const failure = {
  reply: { code: 451, status: '4.7.1', text: 'Later' },
  status: null,
  class: 'greylisted' as const,
  text: '451 4.7.1 Later',
  step: 'rcpt' as const,
  code: null,
};
const outcomes: Record<Outcome['type'], Outcome> = {
  delivered: {
    type: 'delivered',
    ...timing,
    reply: { code: 250, status: '2.0.0', text: 'Ok' },
    dkim: ['pennypost'],
  },
  deferred: { type: 'deferred', ...timing, failure },
  bounced: { type: 'bounced', ...timing, failure: { ...failure, class: 'bad_mailbox' } },
  maybeAccepted: { type: 'maybeAccepted', ...timing, failure },
  failed: { type: 'failed', ...timing, reason: 'unsignable', text: 'no key' },
};
const leased = (more: Partial<DeliveryFacts> = {}): DeliveryFacts => ({
  state: 'sending',
  class: 'standard',
  firstDueMs: startMs,
  attempts: 1,
  fullStrikes: 0,
  exempt: false,
  ...more,
});

describe('the transition table', () => {
  it('moves where it says and throws everywhere else', () => {
    for (const from of deliveryStates) {
      for (const to of deliveryStates) {
        const legal = (transitions[from] as readonly string[]).includes(to);
        if (legal) expect(moveTo(from, to)).toBe(to);
        else expect(() => moveTo(from, to)).toThrow(`illegal delivery transition ${from} -> ${to}`);
      }
    }
  });

  it('has only known states, and none that leads to itself', () => {
    for (const from of deliveryStates) {
      for (const to of transitions[from]) expect(deliveryStates).toContain(to);
      expect(transitions[from]).not.toContain(from);
    }
  });

  it('lets nothing out of an end but what is learnt later: a DSN, an acceptance that was reported late', () => {
    const ends = deliveryStates.filter(isFinal);
    expect(new Set(ends)).toEqual(
      new Set(['delivered', 'bounced', 'failed', 'suppressed', 'canceled', 'simulated']),
    );
    expect(ends.flatMap((end) => transitions[end].map((to) => `${end} -> ${to}`))).toEqual([
      'delivered -> bounced',
      'failed -> delivered',
      'suppressed -> delivered',
      'canceled -> delivered',
    ]);
  });

  it('reaches an end from every other state', () => {
    for (const from of deliveryStates) {
      const seen = new Set<DeliveryState>([from]);
      for (const state of seen) for (const to of transitions[state]) seen.add(to);
      expect([...seen].some(isFinal)).toBe(true);
    }
  });
});

describe('the time to the next attempt', () => {
  it('is 1, 5, 15, 30 minutes, 1, 2, 4 and 8 hours, and 8 hours from then on', () => {
    const middle = Array.from({ length: 11 }, (_, i) => retryDelayMs(i + 1, 0.5) / minuteMs);
    expect(middle).toEqual([1, 5, 15, 30, 60, 120, 240, 480, 480, 480, 480]);
  });

  it('is jittered by no more than a tenth either way', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1000 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (attempts, jitter) => {
          const middle = retryDelayMs(attempts, 0.5);
          const delay = retryDelayMs(attempts, jitter);
          expect(delay).toBeGreaterThanOrEqual(0.9 * middle);
          expect(delay).toBeLessThanOrEqual(1.1 * middle);
          expect(Number.isInteger(delay)).toBe(true);
        },
      ),
    );
    expect(retryDelayMs(1, 0)).toBe(54_000);
    expect(retryDelayMs(1, 0.999_999)).toBe(66_000);
  });
});

describe('an outcome', () => {
  it.each([
    ['delivered', 'delivered', null, null],
    ['bounced', 'bounced', 'bad_mailbox', { kind: 'suppress', reason: 'hard_bounce', expiresAtMs: null }],
    ['failed', 'failed', 'unsignable', null],
  ] as const)('%s ends the delivery as %s', (type, state, reason, consequence) => {
    const { event, ...end } = reduceDelivery(leased(), outcomes[type], startMs, 0.5);
    expect(end).toEqual({ state, dueMs: null, reason, consequence });
    expect(event.kind).toBe(type);
    expect(event.atMs).toBe(startMs + 80);
    expect(event.details).toMatchObject({ attempt: 1, durationMs: 80, mx: session.mx });
  });

  it.each(['deferred', 'maybeAccepted'] as const)('%s is tried again, and its event says when', (type) => {
    const { event, ...next } = reduceDelivery(leased({ attempts: 2 }), outcomes[type], startMs, 0.5);
    expect(next).toEqual({
      state: 'deferred',
      dueMs: startMs + 5 * minuteMs,
      reason: 'greylisted',
      consequence: null,
    });
    expect(event.kind).toBe('deferred');
    expect(event.details).toMatchObject({
      attempt: 2,
      maybeAccepted: type === 'maybeAccepted',
      nextAttemptAt: '2026-11-16T12:05:00.000Z',
      reply: { code: 451 },
      class: 'greylisted',
      diagnostic: '451 4.7.1 Later',
    });
  });

  it('takes the enhanced status from the reply first, then from what is known without one', () => {
    const without = { ...failure, reply: null, status: '5.1.10' };
    const of = (f: typeof failure | typeof without) =>
      reduceDelivery(leased(), { type: 'bounced', ...timing, failure: f }, startMs, 0).event.details;
    expect(of(failure)).toMatchObject({ status: '4.7.1' });
    expect(of(without)).toMatchObject({ status: '5.1.10', reply: null });
  });

  it('never gives a negative duration when the clock of a node was set back', () => {
    const back: Outcome = { ...outcomes.delivered, endedAtMs: startMs - 5000 };
    expect(reduceDelivery(leased(), back, startMs, 0).event.details).toMatchObject({ durationMs: 0 });
  });

  it.each(['queued', 'scheduled', 'deferred', 'canceled', 'simulated', 'suppressed'] as const)(
    'of a delivery that is %s is a bug and throws',
    (state) => {
      for (const outcome of Object.values(outcomes)) {
        if (state === 'deferred' && ['bounced', 'failed'].includes(outcome.type)) continue; // legal by a DSN
        if ((transitions[state] as readonly string[]).includes(outcome.type)) continue;
        expect(() => reduceDelivery(leased({ state }), outcome, startMs, 0)).toThrow(/illegal delivery/);
      }
    },
  );
});

/** Attempts at a peer that defers for ever, each as soon as it is due: hours since the first due time. */
function attemptsUntilExpiry(facts: Pick<DeliveryFacts, 'class'>, jitter: number) {
  const hours: number[] = [];
  let nowMs = startMs;
  for (let attempts = 1; ; attempts++) {
    hours.push((nowMs - startMs) / hourMs);
    const next = reduceDelivery(leased({ ...facts, attempts }), outcomes.deferred, nowMs, jitter);
    if (next.dueMs === null) return { hours, last: next };
    nowMs = next.dueMs;
  }
}

describe('a peer that defers for ever', () => {
  it.each([
    ['priority', 6],
    ['standard', 72],
    ['digest', 72],
  ] as const)('makes %s mail expire within %s hours, after the last attempt that fits', (name, most) => {
    expect(classOf(name).retryForMs).toBe(most * hourMs);
    for (const jitter of [0, 0.5, 0.999]) {
      const { hours, last } = attemptsUntilExpiry({ class: name }, jitter);
      const lastHour = hours.at(-1) ?? 0;
      expect(lastHour).toBeLessThanOrEqual(most);
      expect(lastHour + retryDelayMs(hours.length, jitter) / hourMs).toBeGreaterThan(most);
      expect(last).toMatchObject({ state: 'failed', reason: 'expired' });
      expect(last.event).toMatchObject({
        kind: 'expired',
        details: { attempts: hours.length, maybeAccepted: false, reply: { code: 451 } },
      });
    }
  });

  it('counts from the time at which the message was first due, not from the attempt', () => {
    const late = reduceDelivery(leased(), outcomes.deferred, startMs + 72 * hourMs, 0.5);
    expect(late.reason).toBe('expired');
    const inTime = reduceDelivery(leased(), outcomes.deferred, startMs + 72 * hourMs - minuteMs, 0.5);
    expect(inTime.state).toBe('deferred');
  });
});

describe('the status of a message', () => {
  it('is that of its delivery when it has one', () => {
    for (const state of deliveryStates) expect(messageStatus([state])).toBe(state);
  });

  it('is one of its deliveries, whatever their order', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...deliveryStates), { minLength: 1, maxLength: 50 }), (states) => {
        const status = messageStatus(states);
        expect(states).toContain(status);
        expect(messageStatus(states.toReversed())).toBe(status);
      }),
    );
  });

  it('is work left to do while there is any', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...deliveryStates), { minLength: 1 }), (states) => {
        expect(isFinal(messageStatus(states))).toBe(states.every(isFinal));
      }),
    );
  });

  it.each([
    [['delivered', 'bounced'], 'bounced'],
    [['delivered', 'suppressed'], 'suppressed'],
    [['delivered', 'sending', 'bounced'], 'sending'],
    [['deferred', 'failed'], 'deferred'],
    [['delivered', 'canceled'], 'canceled'],
  ] as const)('of %j is %s', (states, status) => {
    expect(messageStatus(states)).toBe(status);
  });

  it('of no deliveries is a bug and throws', () => {
    expect(() => messageStatus([])).toThrow();
  });
});

describe('the classes', () => {
  it('are ranked by urgency in the order of their names', () => {
    expect(classNames.map((name) => classOf(name).rank)).toEqual([0, 1, 2]);
    expect(classNames.map((name) => classOf(name).name)).toEqual([...classNames]);
  });
});
