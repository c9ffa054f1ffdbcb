import { z } from 'zod';
import { limits, writtenSendSchema } from '#domain/message/submission.ts';
import { acceptanceAnswer, batchAnswer, rehearsalAnswer } from '../answers/sending.ts';
import { sendQuery } from '../send.ts';
import { idempotency, type OperationGroup, sendProblems } from './operation.ts';

export const sending: OperationGroup = {
  name: 'Sending',
  about: 'Every way to send is treated alike: what is accepted is durable.',
  operations: [
    {
      id: 'send',
      method: 'post',
      path: '/v1/send',
      summary: 'Send a message',
      about: 'When it is answered with 202, the message is durable.',
      query: sendQuery,
      headers: [idempotency],
      body: { type: 'application/json', schema: writtenSendSchema.meta({ id: 'Message' }) },
      answer: { status: 202, about: 'Accepted', schema: acceptanceAnswer },
      also: { status: 200, about: 'With `dry_run`: what would be', schema: rehearsalAnswer },
      problems: sendProblems,
    },
    {
      id: 'sendBatch',
      method: 'post',
      path: '/v1/send/batch',
      summary: 'Send several messages',
      about: 'One answer a message, in their order; a message that is refused leaves the others alone.',
      headers: [idempotency],
      body: {
        type: 'application/json',
        schema: z
          .array(writtenSendSchema.meta({ id: 'Message' }))
          .min(1)
          .max(limits.batch),
      },
      answer: { status: 202, about: 'One answer each', schema: batchAnswer },
      problems: sendProblems,
    },
    {
      id: 'sendRaw',
      method: 'post',
      path: '/v1/send/raw',
      summary: 'Send a whole message',
      about:
        'A message of one’s own making (RFC 5322), kept byte for byte apart from control fields, Bcc, Resent-Bcc and Return-Path, which are taken out, Message-ID and Date, which are added where missing or empty, and obsolete syntax of From and of field names, which is written clean. Recipients come from the envelope. Its header has at most 64 KiB.',
      query: z.object({
        mail_from: z
          .string()
          .default('')
          .meta({ description: 'Sender of the envelope; replaced by our own.' }),
        rcpt_to: z
          .array(z.string())
          .min(1)
          .max(limits.recipients)
          .meta({ description: 'Repeated, one each.' }),
        require_tls: z.enum(['true', 'false']).default('false').meta({
          description: '`true`: as the field of that name of `POST /v1/send`.',
        }),
        smtputf8: z.enum(['true', 'false']).default('false').meta({
          description:
            '`true`: a header that is not ASCII goes only to hosts with SMTPUTF8 (RFC 6531); otherwise it is sent as it came.',
        }),
      }),
      headers: [idempotency],
      body: { type: 'message/rfc822', schema: z.string() },
      answer: { status: 202, about: 'Accepted', schema: acceptanceAnswer },
      problems: [...sendProblems, 'invalid_message'],
    },
  ],
};
