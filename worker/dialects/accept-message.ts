import { Problem } from '#domain/problem.ts';
import { acceptDraft, idempotencyOf, type readDraft, readDrafts } from '../api/send.ts';
import type { Call } from '../http/app.ts';
import type { Acceptance } from '../intake/accept.ts';
import { namesTemplate } from '../templates/named.ts';

/**
 * Brings one message to the intake, with what templates come to where it names one.
 * @param body in our terms, or what is wrong with it
 * @param asked as it came, for the idempotency key
 * @throws Problem when it is not let in
 */
export async function acceptMessage(
  c: Call,
  body: unknown,
  asked: unknown,
  read?: typeof readDraft,
): Promise<Acceptance> {
  const [draft] = await readDrafts(c, [body], () => '/', read);
  if (!draft) throw new Error('one draft a message was expected');
  if (draft instanceof Problem && !namesTemplate(body)) throw draft;
  return await acceptDraft(c, draft, await idempotencyOf(c, asked));
}
