import { z } from '@hono/zod-openapi';
import { answeredMailboxes, answerFields, mostAnswered } from '#domain/inbound/answer.ts';
import { sendSchema } from '#domain/message/submission.ts';
import { Problem } from '#domain/problem.ts';
import { invalidBody, newApp } from '../http/app.ts';
import { forgiving } from '../http/forgiving.ts';
import { messageJsonBytes, readJson } from '../http/request-body.ts';
import { noted } from '../identity/audit.ts';
import { headBytes, readHead } from '../received/open-mail.ts';
import type { Received } from '../store/received.ts';
import { readReceived } from '../store/received-object.ts';
import { receivedOf } from './inbound-emails.ts';
import { acceptDraft, idempotencyOf, readDraft } from './send.ts';

/** `POST /v1/inbound-emails/:id/reply`: an answer to a received mail, by the ordinary intake. */
export const inboundReplyApp = newApp();

const { from, to, subject, headers } = sendSchema.shape;
/** Body of `POST /v1/inbound-emails/:id/reply`: that of `POST /v1/send`, of which less is required. */
export const replySchema = z.strictObject({
  ...sendSchema.shape,
  from: from.optional().meta({ description: 'Left out: the address that the mail came to.' }),
  to: to.optional().meta({ description: 'Left out: who Reply-To names, else From.' }),
  subject: subject.optional().meta({ description: 'Left out: its subject behind `Re: `.' }),
  headers: headers
    .refine(
      (fields) => !Object.keys(fields).some((name) => /^(in-reply-to|references)$/i.test(name)),
      'must not have In-Reply-To or References: the answer has those of the mail',
    )
    .meta({ description: 'Further header fields. In-Reply-To and References are written from the mail.' }),
});

inboundReplyApp.post('/inbound-emails/:id/reply', async (c) => {
  const received = await receivedOf(c);
  noted(c, { received: received.id });
  const object = await readReceived(c.get('store'), received, Date.now(), headBytes);
  if (!object)
    throw new Problem(
      'not_found',
      'The content of the mail is not kept any more; answer it with POST /v1/send.',
    );
  const head = await readHead(new Uint8Array(await object.arrayBuffer()));
  const value = await readJson(c, messageJsonBytes);
  const draft = readDraft(sendBodyOf(value, { ...head, from: head.fromHeader }, received), Date.now());
  if (draft instanceof Problem) throw draft;
  return c.json(await acceptDraft(c, draft, await idempotencyOf(c, value)), 202);
});

/** The body of `POST /v1/send` that an answer comes to; what is wrong with it otherwise, the intake tells. */
function sendBodyOf(
  value: unknown,
  mail: Parameters<typeof answerFields>[0],
  { recipients }: Pick<Received, 'recipients'>,
): Record<string, unknown> {
  const read = replySchema.safeParse(forgiving(replySchema, value));
  if (!read.success) throw invalidBody(read.error.issues);
  const given = read.data;
  const fields = answerFields(mail);
  const as: Record<string, unknown> = Object(value);
  return {
    ...as,
    from: given.from === undefined ? (recipients[0] ?? '') : as.from,
    to: given.to === undefined || given.to.length === 0 ? answered(fields.to) : as.to,
    subject: given.subject === undefined ? fields.subject : as.subject,
    headers: { ...given.headers, ...fields.headers },
  };
}

/** @throws Problem when it names nobody, or so many that somebody has to choose */
function answered(field: string): string[] {
  const mailboxes = answeredMailboxes(field);
  const message =
    mailboxes.length === 0
      ? 'is required: the mail names nobody who could be answered'
      : `is required: the mail names more than ${mostAnswered} to be answered`;
  if (mailboxes.length === 0 || mailboxes.length > mostAnswered)
    throw invalidBody([{ path: ['to'], message }]);
  return mailboxes;
}
