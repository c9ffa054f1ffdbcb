import { Problem } from '#domain/problem.ts';
import { sendSchema } from '#domain/submission.ts';
import type { Env } from '../env.ts';
import { accept, type Intake } from '../intake/accept.ts';
import { draftOf } from '../intake/compose.ts';
import { findSystemDomain } from '../store/auth.ts';
import type { Store } from '../store/store.ts';
import { ownKey } from './own-key.ts';
import type { SystemMail } from './texts.ts';

/** What mail of the installation itself is sent with: its own intake, like everybody's. */
export interface Mailer {
  store: Store;
  env: Env;
  intake: Intake;
}

/** Which domain the installation's own mail is sent from, or why there is none. */
export async function systemSender({
  store,
  env: { mailFrom },
}: Pick<Mailer, 'store' | 'env'>): Promise<{ accountId: number; domain: string } | { fault: string }> {
  const wanted = mailFrom === '' ? null : (/@([^@>\s]+)>?\s*$/.exec(mailFrom)?.[1] ?? '').toLowerCase();
  const system = await findSystemDomain(store, wanted);
  if (system) return system;
  return {
    fault:
      wanted === null
        ? 'Mail cannot be sent yet: no sending domain is verified.'
        : `Mail cannot be sent yet: ${wanted} (MAIL_FROM) is not a verified sending domain.`,
  };
}

/** @throws Problem when no verified domain is there to send from, or the intake refuses */
export async function sendSystemMail(mailer: Mailer, to: string, mail: SystemMail): Promise<void> {
  const { mailFrom } = mailer.env;
  const system = await systemSender(mailer);
  if ('fault' in system) throw new Problem('unavailable', `${system.fault} Ask the operator.`);
  await sendAs(mailer, system.accountId, {
    from: mailFrom === '' ? `Pennypost <no-reply@${system.domain}>` : mailFrom,
    to: [to],
    subject: mail.subject,
    text_body: mail.text,
    class: 'priority',
    tags: ['pennypost'],
    // Whatever the account has set for its own mail.
    track_opens: false,
    track_clicks: false,
    unsubscribe: false,
  });
}

/** Sends a message for an account; gives its id. @throws Problem as the API would answer it */
export async function sendAs(
  mailer: Mailer,
  accountId: number,
  body: Record<string, unknown>,
): Promise<string> {
  const parsed = sendSchema.safeParse(body);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new Problem('invalid_body', `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'is not valid'}`);
  }
  const { answers } = await accept(mailer.intake, {
    secret: await ownKey(mailer, accountId),
    username: null,
    drafts: [draftOf(parsed.data)],
    idempotency: null,
  });
  const [answer] = answers;
  if (!answer) throw new Error('the intake gave no answer');
  if (answer instanceof Problem) throw answer;
  return answer.message_id;
}
