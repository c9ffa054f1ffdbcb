import { z } from 'zod';
import { classNames } from '#domain/message/class.ts';
import { problemAnswer } from './problem.ts';
import { count, time } from './scalars.ts';

export const acceptanceAnswer = z
  .strictObject({
    message_id: z.uuid(),
    status: z.enum(['queued', 'scheduled', 'simulated']),
    environment: z.literal('test').optional(),
  })
  .meta({ id: 'Acceptance', description: 'It is durable.' });

export const batchAnswer = z
  .array(z.union([acceptanceAnswer, problemAnswer]))
  .meta({ id: 'BatchAcceptance', description: 'One answer a message, in their order.' });

export const rehearsalAnswer = z
  .strictObject({
    dry_run: z.literal(true),
    would_send: z.boolean(),
    class: z.enum(classNames),
    size_bytes: count,
    checks: z.array(
      z.strictObject({
        check: z.enum(['domain', 'size', 'recipients']),
        ok: z.boolean(),
        detail: z.string(),
      }),
    ),
    recipients: z.array(
      z
        .strictObject({
          recipient: z.string(),
          would: z.enum(['queued', 'scheduled', 'simulated', 'suppressed', 'refused']),
          why: z.string(),
          entry: z
            .strictObject({ address: z.string(), scope: z.string(), since: time })
            .optional()
            .meta({ description: 'What suppresses it.' }),
        })
        .meta({ id: 'RehearsedRecipient' }),
    ),
  })
  .meta({ id: 'Rehearsal', description: 'What sending it now would come to; nothing is stored.' });
