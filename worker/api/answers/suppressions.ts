import { z } from 'zod';
import { scopeForms, scopeTypes } from '#domain/suppression/scope.ts';
import { suppressionReasons } from '#domain/suppression/suppression.ts';
import { count, time } from './scalars.ts';

export const suppressionAnswer = z
  .strictObject({
    id: z.uuid(),
    email: z.string(),
    reason: z.enum(suppressionReasons),
    scope: z.string().meta({ description: `Of what mail: ${scopeForms}.` }),
    scope_type: z.enum(scopeTypes),
    source: z.string(),
    bounce_code: z
      .string()
      .optional()
      .meta({ description: 'The reply code of a hard bounce, where its proof begins with one.' }),
    feedback_type: z.string().optional().meta({
      description: 'What a complaint that came as a report is of, such as `abuse` (RFC 5965 §3.1).',
    }),
    proof: z.string().nullable().meta({ description: 'The reply, report or note that it rests on.' }),
    message_id: z.uuid().nullable(),
    source_message_id: z.uuid().nullable().meta({ description: 'The same as `message_id`.' }),
    created_at: time,
    expires_at: time.nullable().meta({ description: 'null: it does not end.' }),
  })
  .meta({ id: 'Suppression' });
export const suppressionsAnswer = z
  .strictObject({
    data: z.array(suppressionAnswer),
    suppressions: z.array(suppressionAnswer).meta({ description: 'The same as `data`.' }),
    total: count.meta({
      description: 'So many are known of: those before, those here, and one more where there is more.',
    }),
    limit: count,
    offset: count,
    has_more: z.boolean(),
    next: z.string().nullable().meta({
      description:
        'The `cursor` of the next call; null: nothing is left. A page of a search may be short, or empty, although there is more.',
    }),
  })
  .meta({ id: 'SuppressionList' });
export const suppressionCheckAnswer = z
  .strictObject({
    email: z.string(),
    suppressed: z.boolean().meta({ description: 'In any scope; `entries` say in which.' }),
    entry: suppressionAnswer.nullable(),
    entries: z.array(suppressionAnswer),
  })
  .meta({ id: 'SuppressionCheck' });
export const importAnswer = z
  .strictObject({
    format: z.string().meta({ description: 'Whose export it was taken for.' }),
    committed: z.boolean(),
    rows: count,
    new: count,
    already_suppressed: count,
    doubles: count,
    invalid: count,
    errors: z
      .array(z.strictObject({ line: count, detail: z.string() }))
      .meta({ description: 'The first 100 rows that are not valid.' }),
    warnings: z
      .array(z.strictObject({ line: count, detail: z.string() }))
      .meta({ description: 'What could not be read of rows that are taken, the first 100.' }),
    sample: z.array(suppressionAnswer).meta({ description: 'The first ten entries.' }),
  })
  .meta({ id: 'SuppressionImport' });
