import { z } from 'zod';
import { deliveryStates } from '#domain/delivery/delivery.ts';
import type { Problem } from '#domain/problem.ts';
import { dimensions } from '#domain/stats.ts';
import { invalidBody } from '../http/app.ts';

/** How far a list may be gone into by `offset`: what it skips is read all the same. */
export const mostOffset = 1000;

/** Says how to go on where an offset does not lead. */
export const offsetQuery = z.coerce
  .number()
  .int()
  .min(0)
  .max(mostOffset, `must be at most ${mostOffset}; go on by cursor, the next of an earlier answer`)
  .default(0)
  .meta({ description: 'Skips so many; `cursor` goes further.' });

/** So many matches are not among the rows that one call looks at: a page of none would look like the end. */
export function offsetTooFar(cursor: string): Problem {
  const detail = `is further than one search looks; go on without it, with cursor=${cursor}`;
  return invalidBody([{ path: ['offset'], message: detail }], '');
}

export function offsetWithCursor(): Problem {
  return invalidBody([{ path: ['offset'], message: 'must not be given with a cursor' }], '');
}

/** Query parameters of the public API's lists. */
export const listQuery = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(50),
  offset: offsetQuery,
  cursor: z
    .string()
    .regex(/^\d{4}w\d{2}-\d{1,16}$/, 'must be a cursor that an earlier answer gave')
    .transform((text) => ({ week: text.slice(0, 7), seq: Number(text.slice(8)) }))
    .nullable()
    .default(null)
    .meta({ description: 'The `next` of an earlier answer.' }),
  status: z.enum(deliveryStates).nullable().default(null),
  from: z.string().max(320).nullable().default(null),
  to: z.string().max(320).nullable().default(null).meta({ description: 'A recipient, exactly.' }),
  subject: z.string().max(2000).nullable().default(null),
  tag: z.string().max(64).nullable().default(null),
  stream: z.string().max(64).nullable().default(null),
});

export const eventsQuery = z.object({
  after: z.string().max(64).default('').meta({
    description: 'The `next` or a `cursor` of an earlier answer; `end`: behind all that there is now.',
  }),
  limit: z.coerce.number().int().min(1).max(100).default(50),
});

export const statsQuery = z.object({
  by: z.enum(dimensions).default('day'),
  /** UTC days, both included. */
  from: z.iso.date().optional(),
  to: z.iso.date().optional(),
});
