import { z } from 'zod';
import { warmingStates } from '#domain/limits/warming.ts';
import { count } from './scalars.ts';

export const problemAnswer = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string().meta({ description: 'A word of the table of errors.' }),
    error: z.string().meta({ description: 'The detail; `rate_limit_exceeded` for a 429.' }),
    errors: z.array(z.strictObject({ pointer: z.string(), detail: z.string() })),
  })
  .meta({ id: 'Problem', description: 'RFC 9457.' });

export const rateLimitAnswer = problemAnswer
  .extend({
    message: z.string(),
    limit_type: z.enum(['daily', 'hourly', 'minute']),
    limit: count,
    used: count,
    retry_after_seconds: z.int().min(1),
    warming_phase: z.enum(warmingStates).nullable(),
  })
  .meta({ id: 'RateLimitExceeded', description: 'A limit of the account, or of a domain being warmed.' });
