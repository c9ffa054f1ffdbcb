import { beforeAll, expect, inject, it } from 'vitest';
import { bring, entriesOf, sent, statusOf, storyOf } from './returned-mail.ts';
import { migrate, newAccount, type TestAccount } from './support.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** DSNs that Postfix and Exim sent in the mail lab, by file name. */
    captured: Record<string, string>;
  }
}

let account: TestAccount;
beforeAll(async () => {
  await migrate();
  account = await newAccount();
});

const files = Object.entries(inject('captured'));

it('has DSNs of both servers', () => {
  expect(files.map(([name]) => name).sort()).toEqual(
    ['exim', 'postfix'].flatMap((server) =>
      ['full-failed', 'nobody-failed', 'policy-failed', 'tmp-delayed', 'tmp-failed'].map(
        (one) => `${server}-${one}.eml`,
      ),
    ),
  );
});

it.each(files)('reads %s by Email Routing: status, event and suppression', async (name, raw) => {
  const [server, localPart, action] = name.replace('.eml', '').split('-');
  const recipient = `${localPart}@${server}bounce.test`;
  const message = await sent(account, recipient);
  await bring(raw, message.mailFrom, 'routing', '<>');
  const story = await storyOf(account, message.messageId);
  expect(story[1]).toMatchObject({
    kind: action === 'failed' ? 'bounced' : 'deferred',
    recipient,
    details: { source: 'dsn', ...(action === 'failed' ? { suppresses: localPart === 'nobody' } : {}) },
  });
  expect(await statusOf(account, message.messageId)).toBe(action === 'failed' ? 'bounced' : 'delivered');
  expect(await entriesOf(account, recipient)).toHaveLength(localPart === 'nobody' ? 1 : 0);
});
