import type { Role } from '../store/role.ts';
import { apiAccess } from './access/api.ts';
import { dashboardAccess } from './access/dashboard.ts';
import { dialectAccess } from './access/dialects.ts';
import { otherAccess } from './access/others.ts';
import type { Access } from './access/row.ts';

/**
 * Who may do what: every route of the Worker, in one table. The guard and the boards take from it what they ask of
 * whoever comes (`guard.ts`, `dashboard/board.tsx`), and a router with a route that has no row does not start.
 */
export const access: readonly Access[] = [...apiAccess, ...dialectAccess, ...dashboardAccess, ...otherAccess];

const byRoute = new Map(access.map((row) => [`${row.method} ${row.path}`, row]));

/** The row of a route; null: it has none. */
export function accessOf(method: string, path: string): Access | null {
  return byRoute.get(`${method} ${path}`) ?? null;
}

/** Who may open a page. @throws Error when it has none, or one of another surface: its router is not to start */
export function pageAccess(method: string, path: string): { role: Role | 'operator' } | 'open' {
  const who = accessOf(method, path)?.who;
  if (who?.surface === 'dashboard') return { role: who.role };
  if (who?.surface === 'public') return 'open';
  throw new Error(
    `${method} ${path} has no row among the pages of worker/identity/access: say who may use it`,
  );
}

/** @throws Error when a route has no row, or a row no route */
export function requireRows(routes: readonly { method: string; path: string }[]): void {
  const there = new Set(
    routes.filter(({ method }) => method !== 'ALL').map(({ method, path }) => `${method} ${path}`),
  );
  const open = [...there].filter((route) => !byRoute.has(route));
  const stale = [...byRoute.keys()].filter((route) => !there.has(route));
  if (byRoute.size !== access.length) throw new Error('a route has two rows in worker/identity/access');
  if (open.length + stale.length > 0) {
    throw new Error(
      `worker/identity/access says who may do what: without a row are ${open.join(', ') || 'none'}, without a route ${stale.join(', ') || 'none'}`,
    );
  }
}
