import { z } from 'zod';
import { deliveryStates } from '#domain/delivery.ts';
import { dimensions } from '#domain/stats.ts';

/** Query parameters of the public API's lists. */
export const listQuery = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(50),
  offset: z.coerce.number().int().min(0).max(100_000).default(0),
  status: z.enum(deliveryStates).nullable().default(null),
  from: z.string().max(320).nullable().default(null),
  to: z.string().max(320).nullable().default(null),
  subject: z.string().max(2000).nullable().default(null),
  tag: z.string().max(64).nullable().default(null),
});

export const eventsQuery = z.object({
  after: z.string().max(64).default(''),
  limit: z.coerce.number().int().min(1).max(100).default(50),
});

export const statsQuery = z.object({
  by: z.enum(dimensions).default('day'),
  /** UTC days, both included. */
  from: z.iso.date().optional(),
  to: z.iso.date().optional(),
});
