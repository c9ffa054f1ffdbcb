import { z } from 'zod';
import { count, time } from './scalars.ts';

export const auditAnswer = z
  .strictObject({
    data: z.array(
      z
        .strictObject({
          id: z.string(),
          at: time,
          who: z.string().meta({
            description: 'A member by mail address, `key` with its number, or `operator token`.',
          }),
          source: z.string().nullable().meta({ description: 'The address that the request came from.' }),
          what: z.string(),
          details: z.record(z.string(), z.string()).meta({ description: 'What it was done to.' }),
        })
        .meta({ id: 'AuditEntry' }),
    ),
    limit: count,
    has_more: z.boolean(),
    next: z
      .string()
      .nullable()
      .meta({ description: 'The `cursor` of the next call; null: nothing is left.' }),
  })
  .meta({ id: 'AuditLog' });
