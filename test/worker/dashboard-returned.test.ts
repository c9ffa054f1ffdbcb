import { beforeAll, describe, expect, it } from 'vitest';
import { Browser } from '../support/browser.ts';
import { setUpOwner, textOf } from './dashboard-support.ts';
import { bring, dsn, entriesOf, letter, type Sent, sent, storyOf } from './returned-mail.ts';
import { type Answer, call, migrate, newAccount, request, type TestAccount } from './support.ts';

let account: TestAccount;
let owner: Browser;

beforeAll(async () => {
  await migrate();
  account = await newAccount();
  owner = await setUpOwner(new Browser('https://api.test', request), {
    email: 'owner@people.example',
    password: 'a long enough sentence',
  });
});

let serial = 0;
const someone = () => `returned${++serial}@example.net`;

/** The path of the page about the newest mail that came back to a message. */
async function pathOf({ messageId }: Sent): Promise<string> {
  const event: Answer = (await storyOf(account, messageId)).at(-1);
  return `/messages/${messageId}/returned/${event.id}`;
}

async function bounced(): Promise<Sent> {
  const message = await sent(account, someone());
  await bring(dsn(message), message.mailFrom);
  return message;
}

describe('the page of a mail that came back', () => {
  it('is found from the timeline and shows the mail beside what was read in it', async () => {
    const message = await bounced();
    const path = await pathOf(message);
    expect(await (await owner.get(`/messages/${message.messageId}`)).text()).toContain(`href="${path}"`);
    const text = await textOf(await owner.get(path));
    expect(text).toContain('I could not deliver your message.');
    expect(text).toContain('Content-Type: multipart/report; report-type=delivery-status; boundary=');
    expect(text).toContain('null, as of reports');
    expect(text).toMatch(/Class\s*bad_mailbox: the mailbox does not exist/);
    expect(text).toContain('550 5.1.1 User unknown');
    expect(text).toContain('suppressed because of this message');
  });

  it('takes the suppression back when somebody says that this is wrong, and says so in the audit log', async () => {
    const message = await bounced();
    const path = await pathOf(message);
    expect(await entriesOf(account, message.recipient)).toHaveLength(1);
    const done = await owner.post(`${path}/wrong`, {});
    expect(done.headers.get('Location')).toBe(`${path}?done=reading-undone`);
    expect(await entriesOf(account, message.recipient)).toEqual([]);
    expect(await textOf(await owner.get(path))).toContain('not suppressed by this message');
    const { body } = await call('GET', '/v1/audit?limit=1', account.live);
    expect(body.data[0]).toMatchObject({
      who: 'owner@people.example',
      what: 'returned mail read wrong',
      details: { id: message.messageId, recipient: message.recipient },
    });
    const again = await owner.post(`${path}/wrong`, {});
    expect(again.headers.get('Location')).toBe(`${path}?done=nothing-to-undo`);
  });

  it('leaves an entry alone that has another cause', async () => {
    const message = await bounced();
    const path = await pathOf(message);
    await call('POST', '/v1/suppressions', account.live, { email: message.recipient, reason: 'manual' });
    const done = await owner.post(`${path}/wrong`, {});
    expect(done.headers.get('Location')).toBe(`${path}?done=nothing-to-undo`);
    expect(await entriesOf(account, message.recipient)).toMatchObject([{ reason: 'manual' }]);
  });

  it('shows why words alone have suppressed nobody', async () => {
    const message = await sent(account, someone());
    const words = letter(
      ['From: MAILER-DAEMON@mx.example.net', 'Subject: Delivery failure'],
      `Your mail could not be delivered: the user ${message.recipient} is unknown here.`,
    ).replace('From: ann@example.net\r\n', '');
    await bring(words, message.mailFrom);
    const event: Answer = (await storyOf(account, message.messageId)).at(-1);
    expect(event).toMatchObject({ kind: 'bounced', details: { class: 'bad_mailbox', suppresses: false } });
    expect(await entriesOf(account, message.recipient)).toEqual([]);
    expect(await textOf(await owner.get(await pathOf(message)))).toContain(event.details.notSuppressed);
  });

  it('shows a mail of a person, its HTML never as HTML', async () => {
    const message = await sent(account, someone());
    const mail = letter(
      ['Subject: Hello', 'Content-Type: text/html'],
      '<p onclick="x()">I like it</p><script>alert(1)</script>',
    );
    await bring(mail, message.mailFrom, 'node', 'ann@example.net');
    const page = await (await owner.get(await pathOf(message))).text();
    expect(page).toContain('&lt;script&gt;alert(1)');
    expect(page).not.toContain('<script>alert(1)');
    expect(page).toContain('ann@example.net');
  });

  it('is nobody else’s, and of mails that came back only', async () => {
    const message = await bounced();
    const path = await pathOf(message);
    expect((await new Browser('https://api.test', request).get(path)).status).toBe(303);
    expect((await owner.get(`${path.slice(0, -1)}x`)).status).toBe(404);
    const { body } = await call('GET', `/v1/emails/${message.messageId}/events`, account.live);
    expect((await owner.get(`/messages/${message.messageId}/returned/${body.data[0].id}`)).status).toBe(404);
    const other = await newAccount();
    const foreign = await sent(other, someone());
    await bring(dsn(foreign), foreign.mailFrom);
    const event: Answer = (await storyOf(other, foreign.messageId)).at(-1);
    const foreignPath = `/messages/${foreign.messageId}/returned/${event.id}`;
    expect((await owner.get(foreignPath)).status).toBe(404);
    expect((await owner.post(`${foreignPath}/wrong`, {})).status).toBe(404);
    expect(await entriesOf(other, foreign.recipient)).toHaveLength(1);
  });
});
