import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bindingMessage } from '#domain/delivery/binding-message.ts';
import { bindingErrorCodes, bindingSession, endingOfError } from '#domain/delivery/binding-outcome.ts';
import { reduceDelivery } from '#domain/delivery/delivery.ts';
import { outcomeSchema } from '#domain/delivery/outcome.ts';
import { cloudflareFields, keptFields } from '#domain/delivery/relay-fields.ts';
import { passesOn, transportUses } from '#domain/delivery/transport.ts';
import { turnOf, workerNodeId } from '#domain/delivery/turn.ts';
import { nodeId } from '#domain/node-contract.ts';
import { withKeptFields } from '../../smtp-node/signing/kept-fields.ts';

const isWorkers = (name: string) => name.startsWith('cf');
const none = { node: null, reason: null };

describe('whose turn a message is', () => {
  it.each([
    ['a route of nodes', ['direct', 'ses'], none, 'node', ['direct', 'ses']],
    ['a route of the Worker', ['cf'], none, 'worker', ['cf']],
    ['a route of both begins with the first', ['direct', 'ses', 'cf'], none, 'node', ['direct', 'ses']],
    ['and with the Worker where that comes first', ['cf', 'direct'], none, 'worker', ['cf']],
    [
      'a sender that was refused by nodes',
      ['direct', 'cf', 'ses'],
      { node: 'out', reason: 'blocklisted' },
      'worker',
      ['cf'],
    ],
    [
      'a sender that was refused by the Worker’s',
      ['direct', 'cf', 'ses'],
      { node: workerNodeId, reason: 'relay_denied' },
      'node',
      ['direct'],
    ],
    [
      'a message that was put off',
      ['direct', 'cf'],
      { node: 'out', reason: 'greylisted' },
      'node',
      ['direct'],
    ],
    ['nobody else', ['cf'], { node: workerNodeId, reason: 'rate_limited' }, 'worker', ['cf']],
    ['a node whose lease ended', ['direct', 'cf'], { node: 'out', reason: null }, 'node', ['direct']],
  ] as const)('%s', (_what, route, last, by, part) => {
    expect(turnOf(route, isWorkers, last)).toEqual({ by, route: part });
  });

  it('is nobody’s where nothing is open', () => {
    expect(turnOf([], isWorkers, none)).toBeNull();
  });

  it('is one part of the route, all of one carrier', () => {
    const name = fc.constantFrom('direct', 'ses', 'own', 'cf', 'cf-2');
    const last = fc.record({
      node: fc.constantFrom(null, 'out', workerNodeId),
      reason: fc.constantFrom(null, 'network', 'spam'),
    });
    fc.assert(
      fc.property(fc.uniqueArray(name, { minLength: 1 }), last, (route, before) => {
        const turn = turnOf(route, isWorkers, before);
        const at = (route as string[]).indexOf(turn?.route[0] ?? '');
        expect(route.slice(at, at + (turn?.route.length ?? 0))).toEqual(turn?.route);
        expect(new Set(turn?.route.map(isWorkers))).toEqual(new Set([turn?.by === 'worker']));
      }),
    );
  });

  it('is never a real node’s by the Worker’s name', () => {
    expect(nodeId.safeParse(workerNodeId).success).toBe(false);
    expect(nodeId.safeParse('out.example').success).toBe(true);
  });
});

describe('an error of the binding', () => {
  const coded = (code: string) => Object.assign(new Error('words of the service'), { code });
  const endOf = (error: unknown) => {
    const outcome = outcomeSchema.parse({
      ...endingOfError(error),
      startedAtMs: 1,
      endedAtMs: 2,
      session: bindingSession('cf'),
    });
    const failure = 'failure' in outcome ? outcome.failure : undefined;
    return [outcome.type, failure?.class, passesOn(outcome, 'cf')];
  };

  it.each([
    ['E_CONTENT_TOO_LARGE', 'bounced', 'too_large', true],
    ['E_VALIDATION_ERROR', 'bounced', 'policy', false],
    ['E_FIELD_MISSING', 'bounced', 'policy', false],
    ['E_TOO_MANY_RECIPIENTS', 'bounced', 'policy', false],
    ['E_TOO_MANY_ATTACHMENTS', 'bounced', 'policy', false],
    ['E_RECIPIENT_SUPPRESSED', 'bounced', 'policy', false],
    ['E_HEADER_NOT_ALLOWED', 'bounced', 'policy', false],
    ['E_HEADERS_TOO_MANY', 'bounced', 'policy', false],
    ['E_SENDER_NOT_VERIFIED', 'deferred', 'relay_denied', true],
    ['E_SENDER_DOMAIN_NOT_AVAILABLE', 'deferred', 'relay_denied', true],
    ['E_RECIPIENT_NOT_ALLOWED', 'deferred', 'relay_denied', true],
    ['E_RATE_LIMIT_EXCEEDED', 'deferred', 'rate_limited', true],
    ['E_DAILY_LIMIT_EXCEEDED', 'deferred', 'rate_limited', true],
    ['E_INTERNAL_SERVER_ERROR', 'deferred', 'system', false],
    ['E_DELIVERY_FAILED', 'deferred', 'unknown', false],
    ['E_OF_TOMORROW', 'deferred', 'unknown', false],
    ['E_toString', 'deferred', 'unknown', false],
  ])('%s is %s, %s', (code, ...ending) => {
    expect(endOf(coded(code))).toEqual(ending);
  });

  it('a refusal in words alone, for want of a domain that is set up, lets another transport have it', () => {
    const error = new Error('destination address is not a verified address');
    expect(endOf(error)).toEqual(['deferred', 'relay_denied', true]);
  });

  it('has a row for each code that is documented, but those of headers', () => {
    expect(bindingErrorCodes).toHaveLength(13);
  });

  it('is read of its words where its code was lost on the way', () => {
    expect(endOf(new Error('E_SENDER_NOT_VERIFIED: not yours'))).toEqual(['deferred', 'relay_denied', true]);
  });

  it.each([[new Error('Network connection lost.')], ['a text'], [null], [{ code: 7 }]])(
    'without a code says nothing of whether it was taken: %s',
    (error) => {
      expect(endOf(error)).toEqual(['maybeAccepted', 'network', false]);
    },
  );

  it('is any value at all, and ends in an outcome', () => {
    fc.assert(
      fc.property(fc.anything(), (error) => {
        expect(['bounced', 'deferred', 'maybeAccepted']).toContain(endOf(error)[0]);
      }),
    );
  });
});

describe('what the binding took', () => {
  it('is told with its transport and the id there, and no reply', () => {
    const outcome = outcomeSchema.parse({
      type: 'delivered',
      reply: null,
      dkim: [],
      startedAtMs: 1,
      endedAtMs: 5,
      session: bindingSession('cf', { relayId: 'id@cloudflare.example' }),
    });
    const facts = { state: 'sending', class: 'standard', firstDueMs: 0, attempts: 1 };
    const delivery = facts as unknown as Parameters<typeof reduceDelivery>[0];
    expect(reduceDelivery(delivery, outcome, 10, 0).event).toMatchObject({
      kind: 'delivered',
      details: { transport: 'cf', relayId: 'id@cloudflare.example', reply: null, dkim: [] },
    });
    expect(transportUses([{ messageId: 'm', n: 0, outcome }])).toEqual([
      {
        name: 'cf',
        taken: 1,
        ids: [{ id: 'id@cloudflare.example', messageId: 'm', n: 0 }],
        failedText: null,
      },
    ]);
  });
});

describe('a message for the binding', () => {
  const raw = [
    'Received: from a by b',
    'From: Shop <shop@example.com>',
    'To: you@example.net',
    'Subject: Your',
    ' receipt',
    'Errors-To: x@example.com',
    'Feedback-ID: a:b',
    'X-Order: 7',
    '',
    'Sender: in the body',
    '',
  ].join('\r\n');

  it('has the author as its sender, and the fields that the service takes', () => {
    const made = bindingMessage(raw, cloudflareFields);
    expect(made).toEqual({
      from: 'shop@example.com',
      leftOut: ['Received', 'Errors-To', 'Feedback-ID'],
      raw: [
        'From: Shop <shop@example.com>',
        'To: you@example.net',
        'Subject: Your',
        ' receipt',
        'X-Order: 7',
        '',
        'Sender: in the body',
        '',
      ].join('\r\n'),
    });
  });

  it.each([
    ['no author', 'To: you@example.net\r\n\r\n'],
    ['two authors', 'From: a@example.com, b@example.com\r\n\r\n'],
    ['two fields of the author', 'From: a@example.com\r\nFrom: b@example.com\r\n\r\n'],
    ['no header', 'not a header\r\n\r\n'],
  ])('is none with %s', (_what, text) => {
    expect(typeof bindingMessage(text, cloudflareFields)).toBe('string');
  });

  it('never throws, and has no line end but CRLF', () => {
    const line = fc.constantFrom(
      'From: a@b.example',
      'X-A: b',
      ' folded',
      'Sender: c',
      '',
      'body',
      '\r',
      'é: ö',
    );
    const text = fc
      .array(fc.tuple(line, fc.constantFrom('\r\n', '\n', '\r')))
      .map((lines) => lines.map(([words, end]) => words + end).join(''));
    fc.assert(
      fc.property(text, (source) => {
        const made = bindingMessage(source, cloudflareFields);
        if (typeof made !== 'string') expect(made.raw).not.toMatch(/[^\r]\n|\r(?!\n)/);
      }),
    );
  });

  it('keeps the same fields as a node does', () => {
    const field = fc.constantFrom(
      'From: a\r\n',
      'Sender: b\r\n',
      'X-C: d\r\n e\r\n',
      'DKIM-Signature: f\r\n',
    );
    fc.assert(
      fc.property(fc.array(field), (fields) => {
        const section = fields.join('');
        const byNode = withKeptFields(Buffer.from(`${section}\r\nbody`, 'latin1'), cloudflareFields);
        expect(byNode.toString('latin1')).toBe(`${keptFields(section, cloudflareFields, new Set())}\r\nbody`);
      }),
    );
  });
});
