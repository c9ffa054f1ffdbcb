import { Problem } from '#domain/problem.ts';
import { sendSchema } from '#domain/submission.ts';
import type { Call } from '../api/app.ts';
import { intakeOf } from '../api/send.ts';
import { accept } from '../intake/accept.ts';
import { draftOf } from '../intake/compose.ts';
import { findSystemDomain } from '../store/auth.ts';
import { ownKey } from './own-key.ts';

/** Mail of the installation itself, sent through its own intake like everybody's. */
interface SystemMail {
  subject: string;
  text: string;
}

/** Which domain the installation's own mail is sent from, or why there is none. */
export async function systemSender(
  c: Call,
): Promise<{ accountId: number; domain: string } | { fault: string }> {
  const { mailFrom } = c.get('env');
  const wanted = mailFrom === '' ? null : (/@([^@>\s]+)>?\s*$/.exec(mailFrom)?.[1] ?? '').toLowerCase();
  const system = await findSystemDomain(c.get('store'), wanted);
  if (system) return system;
  return {
    fault:
      wanted === null
        ? 'Mail cannot be sent yet: no sending domain is verified.'
        : `Mail cannot be sent yet: ${wanted} (MAIL_FROM) is not a verified sending domain.`,
  };
}

/** @throws Problem when no verified domain is there to send from, or the intake refuses */
export async function sendSystemMail(c: Call, to: string, mail: SystemMail): Promise<void> {
  const { mailFrom } = c.get('env');
  const system = await systemSender(c);
  if ('fault' in system) throw new Problem('unavailable', `${system.fault} Ask the operator.`);
  await sendAs(c, system.accountId, {
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
export async function sendAs(c: Call, accountId: number, body: Record<string, unknown>): Promise<string> {
  const parsed = sendSchema.safeParse(body);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new Problem('invalid_body', `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'is not valid'}`);
  }
  const { answers } = await accept(intakeOf(c), {
    secret: await ownKey(c, accountId),
    username: null,
    drafts: [draftOf(parsed.data)],
    idempotency: null,
  });
  const [answer] = answers;
  if (!answer) throw new Error('the intake gave no answer');
  if (answer instanceof Problem) throw answer;
  return answer.message_id;
}

const closing = 'If you did not ask for this, leave it; nothing happens.\n';

export function signInMail(url: string): SystemMail {
  return {
    subject: 'Your sign-in link',
    text: `Open this link to sign in to Pennypost. It works once, for ten minutes.\n\n${url}\n\n${closing}`,
  };
}

export function resetMail(url: string): SystemMail {
  return {
    subject: 'Choose a new password',
    text: `Open this link to choose a new password for Pennypost. It works once, for an hour.\n\n${url}\n\n${closing}`,
  };
}

export function invitationMail(of: {
  url: string;
  inviter: string;
  account: string;
  role: string;
}): SystemMail {
  return {
    subject: `${of.inviter} invites you to ${of.account}`,
    text: `${of.inviter} invites you to the account “${of.account}” of Pennypost, as ${of.role}.\n\nAccept within seven days:\n\n${of.url}\n`,
  };
}
