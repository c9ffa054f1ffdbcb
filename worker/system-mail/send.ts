import { simulatorDomain } from '#domain/delivery/simulator.ts';
import { sendSchema } from '#domain/message/submission.ts';
import { Problem } from '#domain/problem.ts';
import type { Env } from '../env.ts';
import { invalidBody } from '../http/app.ts';
import { accept, type Intake } from '../intake/accept.ts';
import { draftOf } from '../intake/compose.ts';
import { sandboxOf } from '../intake/sandbox.ts';
import type { Store } from '../store/store.ts';
import { chosenSystemDomain, listSystemDomains, systemAccountId } from '../store/system-mail.ts';
import type { SystemMail } from './texts.ts';

/** What mail of the installation itself is sent with: its own intake, like everybody's. */
export interface Mailer {
  store: Store;
  env: Env;
  intake: Intake;
}

/**
 * Which domain the installation's own mail is sent from, or why there is none: the one of MAIL_FROM, else the one chosen
 * on the page Installation, of an account that the operator owns. Never one that only happens to be there: whoever runs
 * it could read or forge what leads into the dashboard.
 */
export async function systemSender({
  store,
  env: { mailFrom },
}: Pick<Mailer, 'store' | 'env'>): Promise<{ accountId: number; domain: string } | { fault: string }> {
  const wanted =
    mailFrom === ''
      ? await chosenSystemDomain(store)
      : (/@([^@>\s]+)>?\s*$/.exec(mailFrom)?.[1] ?? '').toLowerCase();
  if (wanted === null) {
    return {
      fault:
        'Mail cannot be sent yet: the operator has not chosen which domain it comes from (MAIL_FROM, or the page Installation).',
    };
  }
  const system = (await listSystemDomains(store)).find(({ domain }) => domain === wanted);
  if (system) return system;
  const source = mailFrom === '' ? 'chosen on the page Installation' : 'MAIL_FROM';
  return {
    fault: `Mail cannot be sent yet: ${wanted} (${source}) is not a verified sending domain of an account that the operator owns.`,
  };
}

/** @throws Problem when no verified domain is there to send from, or the intake refuses */
export async function sendSystemMail(mailer: Mailer, to: string, mail: SystemMail): Promise<void> {
  const system = await systemSender(mailer);
  if ('fault' in system) throw new Problem('unavailable', `${system.fault} Ask the operator.`);
  // Under nobody's account: what leads into the dashboard is for its recipient's eyes only.
  const { store, env, intake } = mailer;
  await sendAs(
    { store, env, intake: { ...intake, store: store.first } },
    { accountId: systemAccountId, domainsOf: system.accountId },
    {
      from: systemFrom(env, system.domain),
      to: [to],
      subject: mail.subject,
      text_body: mail.text,
      // RFC 3834 §5.1: nobody's absence answers it.
      headers: { 'Auto-Submitted': 'auto-generated' },
      class: 'priority',
    },
  );
}

/** The author of the installation's own mail. */
export function systemFrom({ mailFrom }: Env, domain: string): string {
  return mailFrom === '' ? `Pennypost <no-reply@${domain}>` : mailFrom;
}

/** Sends a message for an account; gives its id. @throws Problem as the API would answer it */
export async function sendAs(
  mailer: Mailer,
  by: { accountId: number; domainsOf: number },
  body: Record<string, unknown>,
): Promise<string> {
  const parsed = sendSchema.safeParse(body);
  if (!parsed.success) throw invalidBody(parsed.error.issues);
  const { answers } = await accept(mailer.intake, {
    by,
    username: null,
    drafts: [draftOf(parsed.data)],
    idempotency: null,
  });
  const [answer] = answers;
  if (!answer) throw new Error('the intake gave no answer');
  if (answer instanceof Problem) throw answer;
  return answer.message_id;
}

/** For rooms that have no request: cron, a sender of webhooks, what a node asks for. */
export function mailerOf(store: Store, env: Env): Mailer {
  return {
    store,
    env,
    intake: {
      store: store.first,
      nowMs: Date.now(),
      simulatorDomain: simulatorDomain(env.serviceDomain),
      sandbox: sandboxOf(store.first, env),
      // Nothing is put into this mail.
      links: { origin: '', keys: env.returnPathKeys },
      // Here nothing outlives what is awaited, so nodes are woken when all is sent.
      announce: () => undefined,
    },
  };
}
