import { intakeOf } from '../../api/send.ts';
import type { Call } from '../../http/app.ts';
import type { Mailer } from '../../system-mail/send.ts';

/** What a page sends mail with: the intake of its request. */
export function mailerOf(c: Call): Mailer {
  return { store: c.get('store'), env: c.get('env'), intake: intakeOf(c) };
}
