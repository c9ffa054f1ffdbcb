import { dayOf } from '#domain/message/home.ts';
import { Problem } from '#domain/problem.ts';
import { newApp, queryOf } from '../http/app.ts';
import { requireDomain, rowsOf, sees } from '../identity/rows.ts';
import { foldAccount } from '../store/fold.ts';
import { readStats } from '../store/stats.ts';
import { statsQuery } from './queries.ts';

/** `GET /v1/stats`: how often what happened, by each of `dimensions`. */
export const statsApp = newApp();

const defaultDays = 30;
const dayMs = 86_400_000;

statsApp.get('/stats', async (c) => {
  const query = queryOf(c, statsQuery);
  const nowMs = Date.now();
  const { by } = query;
  const to = query.to ?? isoDay(nowMs);
  const from = query.from ?? isoDay(Date.parse(to) - (defaultDays - 1) * dayMs);
  if (from > to) {
    const detail = 'must not be after to';
    throw new Problem('invalid_body', `from ${detail}`, { errors: [{ pointer: 'from', detail }] });
  }
  const seen = rowsOf(c);
  const { accountId } = seen;
  if (by !== 'domain') {
    requireDomain(
      seen,
      null,
      'Only ?by=domain tells what is of single domains, and others are not to be told',
    );
  }
  const complete = await foldAccount(c.get('store'), accountId, nowMs);
  const rows = await readStats(c.get('store'), accountId, {
    by,
    fromDay: dayOf(Date.parse(from)),
    toDay: dayOf(Date.parse(to)),
    nowMs,
  });
  const name = (value: string) => (by === 'day' || by === 'hour' ? isoName(value) : value);
  return c.json({
    by,
    from,
    to,
    complete,
    data: rows
      .filter(({ value }) => by !== 'domain' || sees(seen, value))
      .map(({ value, counts }) => ({ [by]: name(value), ...counts })),
  });
});

/** A day, or an hour by when it begins. */
function isoName(value: string): string {
  return value
    .replace(/^(\d{4})(\d\d)(\d\d)(\d\d)$/, '$1-$2-$3T$4:00:00Z')
    .replace(/^(\d{4})(\d\d)(\d\d)$/, '$1-$2-$3');
}

function isoDay(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
