import { z } from 'zod';
import type { Call } from '../../http/app.ts';
import { auditPerson } from '../../identity/audit.ts';
import { findPerson, membershipsOf } from '../../store/auth.ts';
import type { AuthAnswer } from './auth.ts';
import { rememberDevice } from './tries.ts';

/** Who has signed in, as better-auth answers it. */
const answered = z.union([
  z.object({ user: z.object({ id: z.string() }) }).transform(({ user }) => user.id),
  z.object({ session: z.object({ userId: z.string() }) }).transform(({ session }) => session.userId),
]);

/** After somebody has signed in: their browser is known from now on, and the audit log of their accounts says so. */
export async function signedIn(c: Call, { body }: AuthAnswer, by: string): Promise<void> {
  const id = answered.safeParse(body);
  const person = id.success ? await findPerson(c.get('store'), id.data) : null;
  if (!person) return;
  await rememberDevice(c, person.email);
  const memberships = await membershipsOf(c.get('store'), person.id);
  const accountIds = memberships.map(({ accountId }) => accountId);
  await auditPerson(c, { email: person.email, accountIds, what: 'signed in', details: { by } });
}
