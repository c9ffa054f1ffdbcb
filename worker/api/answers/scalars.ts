import { z } from 'zod';

/** What the public API answers is described here, a file for each group; tests hold the real answers against these. */
export const time = z.iso.datetime({ offset: true });
export const count = z.int().min(0);
export const share = z
  .number()
  .min(0)
  .nullable()
  .meta({ description: 'From 0 to 1; null: nothing has ended yet.' });
