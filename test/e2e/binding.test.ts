/** An installation without a node: the Worker hands its mail to the binding of the platform's own runtime. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { giveRelay } from '../../smtp-node/operator/deploy/relay.ts';
import { until } from '../lab/until.ts';
import { type EdgeFixture, startEdgeFixture } from '../support/edge-fixture.ts';

let edge: EdgeFixture;
beforeAll(async () => {
  edge = await startEdgeFixture({ sendsItself: true });
  const relay = { name: 'cloudflare-binding', preset: 'cloudflare-binding' };
  expect(await giveRelay(relay, edge)).toContain('was added: mail leaves by it while no node is here');
});
afterAll(async () => await edge?.stop());

const sent = z.object({ message_id: z.string() });
const timeline = z.object({
  data: z.array(z.object({ kind: z.string(), details: z.record(z.string(), z.unknown()) })),
});

describe('an installation without a node', () => {
  it('sends what is accepted, and has no node', async () => {
    const { message_id: id } = sent.parse(
      await edge.post('/v1/send', {
        from: `Shop <shop@${edge.domain}>`,
        to: ['you@example.net'],
        subject: 'Größe',
        text_body: 'Thank you.',
        // Too large for a row: it is read from the bucket.
        html_body: `<p>Thank you.</p>\n${randomBytes(50_000)
          .toString('base64')
          .replaceAll(/.{70}/g, '$&\n')}`,
      }),
    );
    const delivered = await until('the binding to take it', 30_000, async () => {
      const { data } = timeline.parse(await edge.get(`/v1/emails/${id}/events`));
      return data.find(({ kind }) => kind === 'delivered');
    });
    expect(delivered.details).toMatchObject({
      transport: 'cloudflare-binding',
      relayId: expect.stringMatching(/@/),
      reply: null,
      dkim: [],
    });
    expect(await edge.operator('GET', '/nodes')).toMatchObject({ data: [] });
    expect(await edge.operator('GET', '/transports')).toMatchObject({
      data: [{ name: 'cloudflare-binding', host: null, taken_today: 1, closed: null }],
      rules: [{ route: ['direct', 'cloudflare-binding'] }],
    });
  });
});
