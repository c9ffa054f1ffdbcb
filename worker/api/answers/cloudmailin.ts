import { z } from 'zod';
import { statusCategories } from '#domain/inbound/incoming-status.ts';
import { classNames } from '#domain/message/class.ts';
import { time } from './scalars.ts';

export const cloudmailinAnswer = z
  .looseObject({ id: z.uuid(), test_mode: z.boolean() })
  .meta({ id: 'CloudmailinMessage', description: 'The request’s fields, without `raw` and `attachments`.' });
export const cloudmailinError = z
  .looseObject({ status: z.int(), error: z.string() })
  .meta({ id: 'CloudmailinError' });

export const cloudmailinAddresses = z
  .array(
    z.strictObject({
      id: z.string(),
      target: z.string(),
      target_format: z.string().meta({ description: '`json+n`, `multipart+n`, or a format of ours.' }),
      nickname: z.string().nullable(),
    }),
  )
  .meta({ id: 'CloudmailinAddresses', description: 'Endpoints that are told of received mail.' });
export const cloudmailinStatuses = z
  .array(
    z.strictObject({
      message_id: z.string().nullable(),
      to: z.string().nullable(),
      from: z.string().nullable().meta({ description: 'The envelope sender; null: the null sender.' }),
      status: z
        .string()
        .nullable()
        .meta({ description: 'HTTP status of the last try; null: no answer yet.' }),
      status_category: z.enum(statusCategories),
      subject: z.string(),
      tls: z.string(),
      created_at: time,
    }),
  )
  .meta({ id: 'CloudmailinStatuses', description: 'The newest, at most 100.' });
const outbound = z.strictObject({
  id: z.string(),
  from: z.string(),
  to: z.array(z.string()),
  subject: z.string(),
  tags: z.array(z.string()),
  priority: z.enum(classNames),
  test_mode: z.boolean(),
  status: z.string(),
  created_at: time,
});
export const cloudmailinSent = outbound
  .extend({
    events: z.array(
      z.strictObject({
        kind: z.string(),
        recipient: z.string(),
        at: time,
        details: z.record(z.string(), z.unknown()),
      }),
    ),
  })
  .meta({ id: 'CloudmailinSent' });
export const cloudmailinOutbound = z
  .array(outbound)
  .meta({ id: 'CloudmailinOutbound', description: 'The newest, at most 100.' });
