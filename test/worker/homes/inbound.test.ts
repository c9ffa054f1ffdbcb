import { beforeAll, describe, expect, it } from 'vitest';
import { bringMail, doors, newReceivingDomain } from '../received-support.ts';
import { bring, dsn, letter, sent, statusOf } from '../returned-mail.ts';
import { type Answer, bindings, call, migrate, type TestAccount } from '../support.ts';
import { linksOf, postOneClick, visit } from '../tracking-support.ts';
import { accountAt, send } from './support.ts';

let accounts: TestAccount[];
const at = (home: number) => accounts[home] as TestAccount;

beforeAll(async () => {
  await migrate();
  accounts = [await accountAt(0), await accountAt(1), await accountAt(2)];
});

describe('mail that comes to a domain of a home', () => {
  it('is taken there', async () => {
    for (const home of [0, 1, 2]) {
      const domain = await newReceivingDomain(at(home));
      const { refusal } = await bringMail(`somebody@${domain}`, letter(['Subject: To a home']));
      expect(refusal).toBeNull();
      const { body } = await call('GET', '/v1/inbound-emails', at(home).live);
      expect(body.emails.map(({ subject }: Answer) => subject)).toEqual(['To a home']);
    }
  });

  it('is asked for at RCPT over several homes at once', async () => {
    const domains = [await newReceivingDomain(at(1)), await newReceivingDomain(at(2))];
    const found = await doors(...domains.map((domain) => `a@${domain}`), 'a@nobody.example');
    expect(found.map(({ door }) => door)).toEqual(['received', 'received', 'refused']);
  });
});

describe('what comes back', () => {
  it('is about the message that its token names, in its home', async () => {
    for (const home of [1, 2]) {
      const message = await sent(at(home), `gone${home}@example.net`);
      expect(await bring(dsn(message), message.mailFrom)).toEqual(['taken']);
      expect(await statusOf(at(home), message.messageId)).toBe('bounced');
      const { body } = await call(
        'GET',
        `/v1/suppressions/check?email=gone${home}@example.net`,
        at(home).live,
      );
      expect(body.suppressed).toBe(true);
    }
  });

  it('is counted over all of them', async () => {
    const { body } = await call('GET', '/admin/v1/counters?days=1', bindings.OPERATOR_TOKEN);
    const row = body.data.find(({ name }: Answer) => name === 'returned_recorded');
    expect(row.count).toBe(2);
  });
});

describe('links in mails', () => {
  it('lead to the message in its home', async () => {
    const id = await send(at(2), {
      class: 'digest',
      track_opens: true,
      track_clicks: true,
      unsubscribe: true,
      html_body: '<p><a href="https://shop.example/a">a</a></p>',
      to: ['reader@example.net'],
    });
    const links = await linksOf(id);
    expect((await visit(links.clicks[0] ?? '')).status).toBe(302);
    expect((await postOneClick(links.unsubscribe)).status).toBe(200);
    const { body } = await call('GET', `/v1/emails/${id}/events`, at(2).live);
    const kinds = body.data.map(({ kind }: Answer) => kind);
    expect(kinds).toEqual(expect.arrayContaining(['clicked', 'unsubscribed']));
    const check = await call('GET', '/v1/suppressions/check?email=reader@example.net', at(2).live);
    expect(check.body.suppressed).toBe(true);
  });
});
