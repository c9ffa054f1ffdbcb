/** The zone of a domain in the account. */
import { z } from 'zod';
import type { Session } from './session.ts';

export interface Zone {
  id: string;
  name: string;
}

/** The zone that holds a domain; null: it is not in the account. */
export async function findZone({ api, accountId }: Session, domain: string): Promise<Zone | null> {
  const labels = domain.split('.');
  for (let i = 0; i < labels.length - 1; i += 1) {
    const name = labels.slice(i).join('.');
    const zones = await api.ask(
      z.array(z.object({ id: z.string(), name: z.string() })),
      `/zones?name=${encodeURIComponent(name)}&account.id=${accountId}`,
    );
    const zone = zones.find((one) => one.name === name);
    if (zone) return zone;
  }
  return null;
}
