import { describe, expect, it } from 'vitest';
import type { Returned, ReturnedRecipient } from '#domain/bounce/returned-mail.ts';
import { type DeliveryState, deliveryStates } from '#domain/delivery/delivery.ts';
import { type ReturnFacts, type ReturnReduction, reduceReturn } from '#domain/delivery/returned-event.ts';
import { failureClasses } from '#domain/failure/failure-class.ts';

const nowMs = 1_790_000_000_000;
const facts = (more: Partial<ReturnFacts> = {}): ReturnFacts => ({
  state: 'delivered',
  recipient: 'ann@example.net',
  dispatched: false,
  stream: 'transactional',
  fullStrikes: 0,
  exempt: false,
  ...more,
});
const told = (more: Partial<ReturnedRecipient> = {}): ReturnedRecipient => ({
  recipient: 'ann@example.net',
  finalRecipient: null,
  certain: true,
  status: '5.1.1',
  replyCode: 550,
  diagnostic: '550 5.1.1 No such user',
  remoteMta: 'mx.example.net',
  class: 'bad_mailbox',
  permanent: true,
  action: 'failed',
  ...more,
});
const reading = (more: Partial<Returned> = {}): Returned => ({
  kind: 'bounce',
  recipients: [told()],
  originalMessageId: null,
  feedbackId: null,
  feedbackType: null,
  feedbackSource: null,
  subject: 'Subject',
  ...more,
});
function written(of: ReturnReduction | string): ReturnReduction {
  if (typeof of === 'string') throw new Error(`nothing to write: ${of}`);
  return of;
}
const reduce = (delivery: Partial<ReturnFacts>, mail: Partial<Returned>, nullSender = false) =>
  reduceReturn(facts(delivery), reading(mail), { atMs: nowMs, nullSender, verified: true });

describe('a failure reported by DSN', () => {
  const next: [DeliveryState, DeliveryState | null | string][] = [
    ['scheduled', 'returned_unsent'],
    ['queued', 'returned_unsent'],
    ['sending', 'bounced'],
    ['delivered', 'bounced'],
    ['deferred', 'bounced'],
    ['bounced', 'returned_repeated'],
    ['failed', null],
    ['suppressed', 'returned_unsent'],
    ['canceled', null],
    ['simulated', 'returned_unsent'],
  ];
  it('has a rule for every state', () => {
    expect(next.map(([state]) => state).sort()).toEqual([...deliveryStates].sort());
  });
  it.each(next)('of a delivery that is %s: %s', (state, expected) => {
    const reduction = reduce({ state }, {});
    expect(typeof reduction === 'string' ? reduction : reduction.state).toBe(expected);
  });

  it.each([
    ['queued', 'bounced'],
    ['suppressed', null],
    ['failed', null],
  ] as const)(
    'of one that a node has had and that is %s now counts all the same (row 13): %s',
    (state, expected) => {
      const reduction = written(reduce({ state, dispatched: true }, {}));
      expect(reduction.state).toBe(expected);
      expect(reduction.event.kind).toBe('bounced');
      expect(reduce({ state: 'queued', dispatched: false }, {})).toBe('returned_unsent');
    },
  );

  const permanent = failureClasses.map(({ name, about }) => [name, about] as const);
  it.each(permanent)(
    'of class %s (about: %s) suppresses only when it is about the recipient',
    (name, about) => {
      const { consequence, event } = written(reduce({}, { recipients: [told({ class: name })] }));
      const expected = about === 'recipient' ? 'suppress' : about === 'mailbox' ? 'strike' : undefined;
      expect(consequence?.kind).toBe(expected);
      expect(event.details.suppresses).toBe(about === 'recipient');
    },
  );
  it.each(['bad_mailbox', 'bad_domain', 'inactive'] as const)(
    'of class %s that may pass suppresses nobody',
    (name) => {
      const { consequence, state } = written(
        reduce({}, { recipients: [told({ class: name, permanent: false })] }),
      );
      expect([consequence, state]).toEqual([null, 'bounced']);
    },
  );
  it.each([
    [0, false],
    [1, false],
    [2, true],
    [7, true],
  ])('for a full mailbox after %i others: suppresses %s', (fullStrikes, suppresses) => {
    const full = told({ class: 'mailbox_full', status: '5.2.2' });
    const { consequence, event } = written(reduce({ fullStrikes }, { recipients: [full] }));
    expect(consequence).toEqual({ kind: 'strike', expiresAtMs: nowMs + 30 * 86_400_000 });
    expect(event.details.suppresses).toBe(suppresses);
  });
  it('of a simulated recipient has no consequence', () => {
    const { consequence, event } = written(reduce({ exempt: true }, {}));
    expect([consequence, event.details.suppresses]).toEqual([null, false]);
  });

  it('is told in the words about our recipient, among several', () => {
    const others = [
      told({ recipient: 'bob@example.net', class: 'spam' }),
      told({ recipient: 'ANN@EXAMPLE.NET' }),
    ];
    expect(written(reduce({}, { recipients: others })).event.details.class).toBe('bad_mailbox');
  });
  it('is told in the words about the first that failed, when forwarding has changed the address', () => {
    const others = [
      told({ recipient: 'x@elsewhere.example', action: 'delivered', class: 'unknown' }),
      told({ recipient: 'y@elsewhere.example', class: 'inactive' }),
    ];
    const { event } = written(reduce({}, { recipients: others }));
    expect(event.details).toMatchObject({ class: 'inactive', finalRecipient: 'y@elsewhere.example' });
  });
  it('without a recipient proves nothing permanent', () => {
    const { consequence, event } = written(reduce({}, { recipients: [] }));
    expect([consequence, event.details.class, event.details.diagnostic]).toEqual([null, 'unknown', '']);
  });
});

describe('anything else that comes back', () => {
  const delayed = told({ action: 'delayed', permanent: false, status: '4.4.1', class: 'network' });
  it.each([
    ['delivered', 'deferred'],
    ['deferred', 'deferred'],
    ['sending', 'deferred'],
    ['bounced', 'returned_repeated'],
    ['failed', 'returned_repeated'],
  ] as const)('a warning of delay to a delivery that is %s: %s', (state, expected) => {
    const reduction = reduce({ state }, { kind: 'delay', recipients: [delayed] });
    if (typeof reduction === 'string') return expect(reduction).toBe(expected);
    return expect([reduction.event.kind, reduction.state, reduction.consequence]).toEqual([
      expected,
      null,
      null,
    ]);
  });
  it('a report of success writes nothing', () => {
    expect(reduce({}, { kind: 'delivered' })).toBe('returned_confirmation');
  });
  it.each([
    ['autoreply', 'auto_replied'],
    ['none', 'bounce_replied'],
  ] as const)('%s is the event %s with its subject', (kind, event) => {
    const reduction = written(reduce({}, { kind, recipients: [], subject: 'Away' }));
    expect(reduction).toMatchObject({ state: null, consequence: null, event: { kind: event, atMs: nowMs } });
    expect(reduction.event.details.subject).toBe('Away');
  });
  it.each(deliveryStates)(
    'a notification that tells nothing, to a delivery that is %s, writes nothing',
    (state) => {
      const unsent = ['scheduled', 'queued', 'suppressed', 'simulated'].includes(state);
      const reduction = reduce({ state }, { kind: 'none', recipients: [] }, true);
      expect(reduction).toBe(unsent ? 'returned_unsent' : 'returned_unread');
    },
  );
  it('an automatic reply is one whoever its sender is (RFC 3834 §3.3)', () => {
    const reduction = written(reduce({}, { kind: 'autoreply', recipients: [] }, true));
    expect(reduction.event.kind).toBe('auto_replied');
  });
  it.each([
    ['abuse', 'complained'],
    ['fraud', 'complained'],
    ['other', 'complained'],
    [null, 'complained'],
    ['not-spam', 'feedback_other'],
    ['auth-failure', 'feedback_other'],
  ])('feedback of type %s: %s', (feedbackType, expected) => {
    const reduction = reduce({}, { kind: 'complaint', feedbackType });
    if (typeof reduction === 'string') return expect(reduction).toBe(expected);
    expect(reduction.consequence).toMatchObject({ kind: 'suppress', reason: 'complaint', expiresAtMs: null });
    return expect([reduction.event.kind, reduction.state]).toEqual([expected, null]);
  });

  it('suppresses in the stream that has a name; of the default one, and by a bounce, in the whole account', () => {
    const complaint = { kind: 'complaint', feedbackType: 'abuse' } as const;
    expect(written(reduce({ stream: 'offers' }, complaint))).toMatchObject({
      scope: 'stream:offers',
      event: { details: { suppresses: true, scope: 'stream:offers' } },
    });
    expect(written(reduce({}, complaint))).toMatchObject({
      scope: '',
      event: { details: { scope: 'account' } },
    });
    expect(written(reduce({ stream: 'offers' }, {})).scope).toBeUndefined();
    const unsure = reduceReturn(facts({ stream: 'offers' }), reading(complaint), {
      ...{ atMs: nowMs, nullSender: true, verified: false },
    });
    expect(written(unsure).event.details).not.toHaveProperty('scope');
  });

  it('bounces without a consequence when only words tell the class, and says why', () => {
    const unsure = reduceReturn(facts(), reading({ recipients: [told({ certain: false })] }), {
      atMs: nowMs,
      nullSender: true,
      verified: true,
    }) as ReturnReduction;
    expect(unsure).toMatchObject({ state: 'bounced', consequence: null });
    expect(unsure.event.details).toMatchObject({ class: 'bad_mailbox', suppresses: false });
    expect(unsure.event.details.notSuppressed).toMatch(/only words/i);
  });

  it('knows its recipient by either address of a report', () => {
    const other = told({ recipient: 'x@example.net', class: 'policy' });
    const own = told({ recipient: 'list@example.net', finalRecipient: 'Ann@example.net' });
    const reduced = reduceReturn(facts(), reading({ recipients: [other, own] }), {
      atMs: nowMs,
      nullSender: true,
      verified: true,
    }) as ReturnReduction;
    expect(reduced.event.details).toMatchObject({ class: 'bad_mailbox', finalRecipient: 'Ann@example.net' });
  });
});
