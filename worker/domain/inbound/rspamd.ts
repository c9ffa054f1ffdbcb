import { z } from 'zod';
import type { Verdicts } from './verdicts.ts';

const mostSymbols = 200;

const answer = z.object({
  score: z.number().min(-1e6).max(1e6),
  action: z.string().min(1).max(64),
  symbols: z.record(z.string(), z.object({ score: z.number().catch(0) }).loose()).catch({}),
});

/**
 * What rspamd answered at `/checkv2`, its symbols by weight; null when it is no such answer.
 * @param json parsed
 */
export function readSpamVerdict(json: unknown): Verdicts['spam'] {
  const result = answer.safeParse(json);
  if (!result.success) return null;
  const { score, action, symbols } = result.data;
  const names = Object.entries(symbols)
    .filter(([name]) => name.length <= 128)
    .toSorted(([, a], [, b]) => Math.abs(b.score) - Math.abs(a.score))
    .slice(0, mostSymbols)
    .map(([name]) => name);
  return { score, action, symbols: names };
}
