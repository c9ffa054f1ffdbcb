import { and, asc, eq } from 'drizzle-orm';
import * as control from '../../drizzle/schema/control.ts';
import { AlreadyThere } from './domains.ts';
import { nextNumber } from './numbers.ts';
import { isUniqueViolation, type Store } from './store.ts';

const table = control.inboundRoutes;

/** A rule of a domain as it is kept. */
export type InboundRoute = typeof table.$inferSelect;

export async function listRoutes(store: Store, domainId: number): Promise<InboundRoute[]> {
  return await store.control
    .select()
    .from(table)
    .where(eq(table.domainId, domainId))
    .orderBy(asc(table.pattern));
}

/** @throws AlreadyThere when the domain has a rule for the pattern */
export async function createRoute(store: Store, values: typeof table.$inferInsert): Promise<InboundRoute> {
  const [route] = await unlessThere(() =>
    store.control
      .insert(table)
      .values({ ...values, id: nextNumber(table) })
      .returning(),
  );
  if (!route) throw new Error('an insert gave no row');
  return route;
}

/** Changes a rule; null when it is gone. @throws AlreadyThere when the domain has another for the pattern */
export async function updateRoute(
  store: Store,
  of: { id: number; domainId: number },
  values: Partial<Pick<InboundRoute, 'pattern' | 'action' | 'targets' | 'text'>>,
): Promise<InboundRoute | null> {
  const own = and(eq(table.id, of.id), eq(table.domainId, of.domainId));
  const [route] = await unlessThere(() => store.control.update(table).set(values).where(own).returning());
  return route ?? null;
}

export async function deleteRoute(store: Store, of: { id: number; domainId: number }): Promise<void> {
  await store.control.delete(table).where(and(eq(table.id, of.id), eq(table.domainId, of.domainId)));
}

async function unlessThere<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isUniqueViolation(error, 'inbound_routes')) throw new AlreadyThere('a rule for this pattern');
    throw error;
  }
}
