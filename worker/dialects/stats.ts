import { z } from 'zod';

const count = z.number().default(0);
/** What is taken of `GET /v1/stats`. */
export const statsSchema = z.object({
  from: z.string(),
  to: z.string(),
  data: z.array(
    z.object({
      day: z.string().optional(),
      domain: z.string().optional(),
      tag: z.string().optional(),
      stream: z.string().optional(),
      accepted: count,
      delivered: count,
      deferred: count,
      bounced: count,
      expired: count,
      suppressed: count,
      complained: count,
      opened: count,
      clicked: count,
      unsubscribed: count,
      failed: count,
      auto_replied: count,
    }),
  ),
});
export type StatsRow = z.output<typeof statsSchema>['data'][number];
