import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { eventPayload } from '#domain/inbound/formats/event.ts';
import { receivedMail } from '../support/received.ts';

const folder = new URL('../fixtures/received/', import.meta.url);
const names = readdirSync(folder).filter((name) => name.endsWith('.eml'));

/** What the format `event` tells of a mail, and the digest of each attachment. */
async function toldOf(name: string) {
  const mail = await receivedMail(new Uint8Array(readFileSync(new URL(name, folder))));
  const { data } = eventPayload({ mail, attachmentUrl: ({ id }) => `/${id}`, rawUrl: null });
  const { message_id, from, to, subject, text, html, reply_text, headers, attachments, automatic } = data;
  return {
    ...{ message_id, from, to, subject, automatic, text, reply_text, html },
    attachments: attachments.map(({ id, url: _, ...attachment }, i) => ({
      ...attachment,
      sha256: createHash('sha256')
        .update(mail.attachments[i]?.content ?? '')
        .digest('hex'),
    })),
    headers: headers.map((field) => `${field.name}: ${field.value}`),
  };
}

describe('real and odd mails are read as the JSON beside them says', () => {
  it.each(names)('%s', async (name) => {
    const expected = readFileSync(new URL(name.replace(/\.eml$/, '.json'), folder), 'utf8');
    expect(await toldOf(name)).toEqual(JSON.parse(expected));
  });
  it('has at least 60 of them', () => {
    expect(names.length).toBeGreaterThanOrEqual(60);
  });
});
