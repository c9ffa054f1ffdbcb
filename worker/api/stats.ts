import { dayOf } from '#domain/home.ts';
import { Problem } from '#domain/problem.ts';
import { foldAccount, readStats } from '../store/stats.ts';
import { newApp, queryOf } from './app.ts';
import { needs } from './authenticated.ts';
import { statsQuery } from './queries.ts';

/** `GET /v1/stats`: how often what happened, by day, tag, domain or class. */
export const statsApp = newApp();

const defaultDays = 30;
const dayMs = 86_400_000;

statsApp.get('/stats', needs('read'), async (c) => {
  const query = queryOf(c, statsQuery);
  const nowMs = Date.now();
  const { by } = query;
  const to = query.to ?? isoDay(nowMs);
  const from = query.from ?? isoDay(Date.parse(to) - (defaultDays - 1) * dayMs);
  if (from > to) {
    const detail = 'must not be after to';
    throw new Problem('invalid_body', `from ${detail}`, { errors: [{ pointer: 'from', detail }] });
  }
  const { accountId } = c.get('credential');
  await foldAccount(c.get('store'), accountId, nowMs);
  const rows = await readStats(c.get('store'), accountId, {
    by,
    fromDay: dayOf(Date.parse(from)),
    toDay: dayOf(Date.parse(to)),
  });
  const name = (value: string) => (by === 'day' ? value.replace(/^(....)(..)(..)$/, '$1-$2-$3') : value);
  return c.json({
    by,
    from,
    to,
    data: rows.map(({ value, counts }) => ({ [by]: name(value), ...counts })),
  });
});

function isoDay(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
