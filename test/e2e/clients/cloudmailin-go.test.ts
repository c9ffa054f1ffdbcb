/**
 * The requests of CloudMailin's Go client (github.com/cloudmailin/cloudmailin-go v0.3.0), octet for octet: the fields in the order
 * of its struct, empty ones left out, as Go's encoder and HTTP client write them. What it decodes of the answer is checked.
 */

import { request } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type EdgeFixture, startEdgeFixture } from '../../support/edge-fixture.ts';
import { MethodTable } from '../../support/method-table.ts';

let edge: EdgeFixture;
const table = new MethodTable('cloudmailin-go');
beforeAll(async () => {
  edge = await startEdgeFixture();
});
afterAll(() => edge?.stop());

/** As Go's encoder writes text: what HTML knows is escaped. */
const goJson = (value: unknown) =>
  JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

async function post(path: string, token: string, body: string): Promise<{ status: number; text: string }> {
  const headers = {
    'User-Agent': 'Go-http-client/1.1',
    'Content-Length': Buffer.byteLength(body),
    Authorization: `Bearer ${token}`,
    'Content-Type': 'application/json',
    'Accept-Encoding': 'gzip',
  };
  return await new Promise((resolve, reject) => {
    const sent = request(`${edge.url}/api/v0.1/${path}`, { method: 'POST', headers }, async (answer) => {
      const bytes = Buffer.concat(await answer.toArray());
      // Go's transport unpacks it as well.
      const isPacked = answer.headers['content-encoding'] === 'gzip';
      const text = (isPacked ? gunzipSync(bytes) : bytes).toString();
      resolve({ status: answer.statusCode ?? 0, text });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** What the client reads an answer into: a list is a list, a header field has several values. */
const outboundMail = z.object({
  from: z.string(),
  to: z.array(z.string()).optional(),
  cc: z.array(z.string()).optional(),
  headers: z.record(z.string(), z.array(z.string())).optional(),
  subject: z.string().optional(),
  plain: z.string().optional(),
  html: z.string().optional(),
  tags: z.array(z.string()).optional(),
  attachments: z.array(z.object({ content: z.string(), file_name: z.string() })).optional(),
  test_mode: z.boolean().optional(),
  id: z.string(),
});
const sendMail = async (fields: Record<string, unknown>) => {
  const { status, text } = await post(`${edge.username}/messages`, edge.liveKey, goJson(fields));
  expect([status, text]).toEqual([202, expect.stringContaining('"id"')]);
  return outboundMail.parse(JSON.parse(text));
};
const from = () => `Shop <shop@${edge.domain}>`;
const emailOf = async (id: string) =>
  z.looseObject({ class: z.string(), environment: z.string() }).parse(await edge.get(`/v1/emails/${id}`));

describe('the Go client of CloudMailin', () => {
  it('sends a message with every field', async () => {
    const content = Buffer.from('a,b\n').toString('base64');
    const sent = await sendMail({
      from: from(),
      to: ['user@example.net', 'Other <other@example.net>'],
      cc: ['copy@example.net'],
      headers: { 'X-Agent': ['a', 'b'], 'Reply-To': ['Help <help@elsewhere.example>'] },
      subject: 'Tea & <cake>',
      plain: 'Thank you.',
      html: '<p>Thank you.</p><img src="cid:logo">',
      priorty: 'priority',
      tags: ['receipt', 'go'],
      attachments: [
        { content, content_id: 'logo', content_type: 'image/png', file_name: 'logo.png' },
        { content, content_type: '', file_name: 'list.csv' },
      ],
    });
    expect(sent).toMatchObject({ tags: ['receipt', 'go'], test_mode: false });
    expect((await emailOf(sent.id)).class).toBe('priority');
    const mail = await edge.mailOf(sent.id);
    expect(mail).toMatchObject({
      subject: 'Tea & <cake>',
      to: [{ address: 'user@example.net' }, { name: 'Other', address: 'other@example.net' }],
      cc: [{ address: 'copy@example.net' }],
      replyTo: [{ name: 'Help', address: 'help@elsewhere.example' }],
      attachments: [{ filename: 'logo.png', contentId: '<logo>' }, { filename: 'list.csv' }],
    });
    expect(mail.headers.filter(({ key }) => key === 'x-agent').map(({ value }) => value)).toEqual(['a', 'b']);
    table.note('SendMail', 'ok');
    table.note('AttachmentFromFile', 'ok: its empty content type is as if absent');
  });

  it('sends one with the fewest, in test mode, and again what it was answered', async () => {
    const sent = await sendMail({
      from: from(),
      to: ['user@example.net'],
      subject: 'Hi',
      plain: 'x',
      test_mode: true,
    });
    expect(sent.test_mode).toBe(true);
    expect((await sendMail(sent)).id).not.toBe(sent.id);
  });

  it('is told what is wrong', async () => {
    const wrong = goJson({ from: from(), to: ['user@example.net'], plain: 'x' });
    const { status, text } = await post(`${edge.username}/messages`, edge.liveKey, wrong);
    expect([status, JSON.parse(text)]).toEqual([
      422,
      { status: 422, error: expect.stringContaining('subject') },
    ]);
    expect((await post(`${edge.username}/messages`, 'pp_live_wrong', wrong)).status).toBe(401);
    table.note('NewClientFromURL', 'ok: the user and key of an SMTP URL');
    table.print(['NewClientFromURL', 'SendMail', 'AttachmentFromFile']);
  });
});
