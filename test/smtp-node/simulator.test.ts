import { describe, expect, it } from 'vitest';
import { simulatedRecipient, type simulatedRecipients } from '#domain/delivery/simulator.ts';
import { createCourier } from '../../smtp-node/outbound/courier.ts';
import { readMail } from '../../worker/inbound/read-mail.ts';
import { FakeEdge, leased } from '../support/fake-edge.ts';
import { ed25519Key } from '../support/mail.ts';
import { nodeAtEdge } from '../support/node.ts';

const domain = 'simulator.pennypost.test';
const { key } = ed25519Key('ed1');

/** A node with its real courier; outside the simulator nothing can be resolved. */
async function nodeWithSimulator() {
  const edge = await new FakeEdge().start();
  edge.simulatorDomain = domain;
  edge.script.set('lease', () => {
    const deliveries = edge.queue.splice(0);
    return { status: 200, body: { deliveries, keys: { 'example.com': [key] }, more: false } };
  });
  const at = await nodeAtEdge({
    edge,
    deps: {
      simulatorReturnsAfterMs: 1,
      createCourier,
      courier: {
        resolveRecords: () => Promise.reject(Object.assign(new Error('none'), { code: 'ENOTFOUND' })),
      },
    },
  });
  await at.node.ready;
  return at;
}

let serial = 0;

/** Has one mail to a part delivered; gives its outcome and the return path. */
async function play(
  at: Awaited<ReturnType<typeof nodeWithSimulator>>,
  rcptTo: string,
  mailFrom = `b-${++serial}@bounces.pennypost.test`,
) {
  const before = at.edge.results.length;
  at.edge.queue.push(
    leased(++serial, {
      rcptTo,
      mailFrom,
      raw: 'From: a@example.com\r\nMessage-ID: <1@example.com>\r\nSubject: Simulated\r\n\r\nHi.\r\n',
    }),
  );
  at.edge.wake();
  await at.edge.until((edge) => edge.results.length > before);
  const outcome = at.edge.results.at(-1)?.outcome;
  if (!outcome) throw new Error('no outcome');
  return { outcome, mailFrom };
}

/** Type, reply code, class and status of each part's first try, and what a second try comes to. */
const parts: Record<
  (typeof simulatedRecipients)[number]['name'],
  [string, number | undefined, string | null, string | null]
> = {
  delivered: ['delivered', 250, null, null],
  'hard-bounce': ['bounced', 550, 'bad_mailbox', null],
  'soft-bounce': ['deferred', 451, 'system', 'deferred'],
  greylisted: ['deferred', 451, 'greylisted', 'delivered'],
  'mailbox-full': ['bounced', 552, 'mailbox_full', null],
  'delayed-bounce': ['delivered', 250, null, null],
  complaint: ['delivered', 250, null, null],
  'auto-reply': ['delivered', 250, null, null],
  'rate-limited': ['deferred', 450, 'rate_limited', 'delivered'],
  'tls-failure': ['deferred', undefined, 'network', 'deferred'],
};

describe('the simulator', () => {
  it.each(Object.entries(parts))('plays %s@ by SMTP', async (name, [type, code, failure, again]) => {
    await using at = await nodeWithSimulator();
    const { outcome, mailFrom } = await play(at, `${name}+label@${domain}`);
    const reply =
      outcome.type === 'delivered' ? outcome.reply : 'failure' in outcome ? outcome.failure.reply : null;
    expect([outcome.type, reply?.code]).toEqual([type, code]);
    if ('failure' in outcome && name !== 'tls-failure') expect(outcome.failure.class).toBe(failure);
    if (name === 'tls-failure') expect(outcome.session.tried[0]?.error).toMatch(/TLS handshake.*; it waits/);
    else expect(outcome.session.tls).toMatchObject({ version: 'TLSv1.3' });
    if (again !== null)
      expect((await play(at, `${name}+label@${domain}`, mailFrom)).outcome.type).toBe(again);
  });

  it.each([
    ['delayed-bounce', 'bounce'],
    ['complaint', 'complaint'],
    ['auto-reply', 'autoreply'],
  ] as const)('sends back for %s@ what reads as a %s, to the return path', async (name, kind) => {
    await using at = await nodeWithSimulator();
    const { mailFrom } = await play(at, `${name}@${domain}`);
    await at.edge.until((edge) => edge.returned.length > 0);
    const [returned] = at.edge.returned;
    expect(returned?.rcptTo).toEqual([mailFrom]);
    const reading = readMail(Buffer.from(returned?.raw ?? '', 'latin1'));
    expect(reading.kind).toBe(kind);
    if (kind !== 'autoreply') {
      expect(reading.originalMessageId).toBe('<1@example.com>');
      expect(reading.recipients).toMatchObject([{ recipient: `${name}@${domain}` }]);
    }
  });

  it('hands in what is still to come back when the node stops, and tries again while the edge is away', async () => {
    const at = await nodeWithSimulator();
    let asked = 0;
    at.edge.script.set('inbound', () => (++asked === 1 ? 'drop' : null));
    await play(at, `auto-reply@${domain}`);
    await at.edge.until((edge) => edge.returned.length === 1);
    expect(asked).toBe(2);
    await at[Symbol.asyncDispose]();
  });

  it('has no other parts', async () => {
    await using at = await nodeWithSimulator();
    expect((await play(at, `somebody@${domain}`)).outcome).toMatchObject({
      type: 'bounced',
      failure: { reply: { code: 550, status: '5.1.1', text: expect.not.stringMatching(/^5\./) } },
    });
  });

  it('takes no mail of other domains', async () => {
    await using at = await nodeWithSimulator();
    expect((await play(at, 'delivered@elsewhere.example')).outcome).toMatchObject({
      type: 'bounced',
      failure: { class: 'bad_domain' },
    });
  });

  it.each([
    ['delivered', 'delivered'],
    ['Delivered+x+y', 'delivered'],
    ['hard-bounce+', 'hard-bounce'],
    ['hard', undefined],
    ['', undefined],
  ])('reads the part of "%s"', (localPart, name) => {
    expect(simulatedRecipient(localPart)?.name).toBe(name);
  });
});
