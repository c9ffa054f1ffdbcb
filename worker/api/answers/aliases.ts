import { z } from 'zod';
import { count, time } from './scalars.ts';

const alias = z
  .strictObject({
    id: z.int(),
    org_id: z.int().meta({ description: 'The account.' }),
    domain_id: z.int(),
    address: z.string(),
    domain: z.string(),
    forward_to: z.array(z.string()),
    destinations: z
      .array(z.strictObject({ address: z.string(), state: z.enum(['pending', 'verified']) }))
      .meta({ description: 'The same, and whether each has agreed.' }),
    action: z
      .enum(['forward', 'webhook'])
      .meta({ description: '`webhook`: an endpoint is told, and nothing sent on.' }),
    webhook: z.string().nullable(),
    description: z.string(),
    is_masked: z.boolean().meta({ description: 'Neither side of its mail sees the address of the other.' }),
    masked_description: z
      .string()
      .nullable()
      .meta({ description: 'The description of a masked one; else null.' }),
    emails_received: count,
    emails_forwarded: count,
    emails_answered: count.meta({ description: 'Answers that left from it.' }),
    last_received_at: time.nullable(),
    active: z.boolean(),
    created_at: time,
    updated_at: time,
  })
  .meta({ id: 'Alias' });
export const aliasAnswer = z.strictObject({ alias }).meta({ id: 'AliasAnswer' });
export const aliasesAnswer = z
  .strictObject({ aliases: z.array(alias), total: count, limit: count, offset: count })
  .meta({ id: 'AliasList' });
