import { beforeAll, describe, expect, it } from 'vitest';
import {
  arf,
  bring,
  counted,
  type Door,
  dsn,
  entriesOf,
  letter,
  type Sent,
  sent,
  statusOf,
  storyOf,
} from './returned-mail.ts';
import {
  type Answer,
  bindings,
  call,
  deferred,
  mail,
  migrate,
  newAccount,
  request,
  result,
  type TestAccount,
  TestNode,
} from './support.ts';

let account: TestAccount;
beforeAll(async () => {
  await migrate();
  account = await newAccount();
});

let serial = 0;
const someone = () => `user${++serial}@example.net`;
const kindsOf = async ({ messageId }: Sent) =>
  (await storyOf(account, messageId)).map((event: Answer) => event.kind);
const proof = { code: 550, status: '5.1.1', text: 'No such user' };
const smtpBounce = (failure: Record<string, unknown>) => ({
  type: 'bounced',
  failure: {
    reply: proof,
    status: null,
    class: 'bad_mailbox',
    text: '550 5.1.1 No such user',
    step: 'rcpt',
    code: null,
    ...failure,
  },
});

describe.each<Door>(['node', 'routing'])('a DSN that comes through the door "%s"', (door) => {
  it('turns delivered into bounced, suppresses that recipient with its proof, and is in the cursor once', async () => {
    const to = someone();
    const message = await sent(account, to);
    const report = dsn(message);
    expect(await bring(report, message.mailFrom, door)).toEqual(['taken']);
    expect(await bring(report, message.mailFrom, door)).toEqual(['taken']);
    expect(await statusOf(account, message.messageId)).toBe('bounced');
    const story = await storyOf(account, message.messageId);
    expect(story.map((event: Answer) => event.kind)).toEqual(['delivered', 'bounced']);
    expect(story[1]).toMatchObject({
      type: 'email.bounced',
      recipient: to,
      details: { source: 'dsn', status: '5.1.1', replyCode: 550, class: 'bad_mailbox', suppresses: true },
    });
    expect(story[1].details.diagnostic).toContain('User unknown');
    expect(story[1]).not.toHaveProperty('fingerprint');
    expect(await entriesOf(account, to)).toMatchObject([
      {
        reason: 'hard_bounce',
        scope: 'account',
        source: 'dsn',
        message_id: message.messageId,
        expires_at: null,
      },
    ]);
    const [entry] = await entriesOf(account, to);
    expect(entry).toMatchObject({ bounce_code: '550', proof: expect.stringMatching(/^550 5\.1\.1 /) });
    expect(entry.proof).toContain('Undelivered Mail');
    const { body: feed } = await call('GET', '/v1/events?limit=100', account.live);
    const own = feed.data.filter((event: Answer) => event.message_id === message.messageId);
    expect(own.map((event: Answer) => event.kind)).toEqual([
      'accepted',
      'dispatched',
      'delivered',
      'bounced',
    ]);
    const again = await call('POST', '/v1/send', account.live, mail(account, { to: [to] }));
    expect(again.status).toBe(422);
  });

  it('refuses a forged token and an unknown address, changes nothing and counts', async () => {
    const message = await sent(account, someone());
    const at = message.mailFrom.indexOf('@') - 1;
    const letterBefore = message.mailFrom[at] === 'a' ? 'e' : 'a';
    const forged = message.mailFrom.slice(0, at) + letterBefore + message.mailFrom.slice(at + 1);
    const before = await counted();
    const [first] = await bring(dsn(message), forged, door);
    const [second] = await bring(dsn(message), 'nobody@bounces.mail.example.org', door);
    for (const verdict of [first, second]) {
      expect(verdict).toMatch(door === 'node' ? /^unknown$/ : /^5\.1\.1 /);
    }
    expect(await kindsOf(message)).toEqual(['delivered']);
    const after = await counted();
    expect((after.token_forged ?? 0) - (before.token_forged ?? 0)).toBe(1);
    expect((after.address_unknown ?? 0) - (before.address_unknown ?? 0)).toBe(1);
  });

  it('row 5: shows a complaint without a token, by Message-ID and recipient, and suppresses nobody', async () => {
    const message = await sent(account, someone());
    expect(await bring(arf(message), 'fbl@bounces.mail.example.org', door)).toEqual(['taken']);
    expect(await kindsOf(message)).toEqual(['delivered', 'complained']);
    expect((await storyOf(account, message.messageId))[1]).toMatchObject({
      details: { suppresses: false, verified: false },
    });
    expect(await entriesOf(account, message.recipient)).toEqual([]);
  });

  it('row 5: counts a complaint without a token in no figure: statistics, which pages read too, and warming', async () => {
    const own = await newAccount();
    const complaintsOf = async () => {
      const { body: stats } = await call('GET', '/v1/stats', own.live);
      const { body: list } = await call('GET', '/v1/domains', own.live);
      const path = `/v1/domains/${list.data[0].id}/warming`;
      const { body: warming } = await call('GET', path, own.live);
      return [
        stats.data.reduce((sum: number, row: Answer) => sum + row.complained, 0),
        warming.metrics.complained,
      ];
    };
    const [forged, genuine] = [await sent(own, someone()), await sent(own, someone())];
    await bring(arf(forged), 'fbl@bounces.mail.example.org', door);
    expect(await complaintsOf()).toEqual([0, 0]);
    await bring(arf(genuine), genuine.mailFrom, door);
    expect(await complaintsOf()).toEqual([1, 1]);
  });
});

describe('row 5: complaints without a token', () => {
  const fbl = 'fbl@bounces.mail.example.org';

  it('are one event a delivery, however many are forged, and keep no place from what a token vouches for', async () => {
    const message = await sent(account, someone());
    const genuine = arf(message);
    const before = await counted();
    for (let i = 0; i < 4; i++) await bring(arf(message), fbl);
    await bring(genuine, fbl);
    expect(await kindsOf(message)).toEqual(['delivered', 'complained']);
    const after = await counted();
    expect((after.feedback_unverified ?? 0) - (before.feedback_unverified ?? 0)).toBe(1);
    expect((after.returned_repeated ?? 0) - (before.returned_repeated ?? 0)).toBe(4);
    await bring(genuine, message.mailFrom);
    await bring(genuine, fbl);
    expect((await storyOf(account, message.messageId)).slice(1)).toMatchObject([
      { kind: 'complained', details: { verified: false, suppresses: false } },
      { kind: 'complained', details: { verified: true, suppresses: true } },
    ]);
    expect(await entriesOf(account, message.recipient)).toMatchObject([{ reason: 'complaint' }]);
  });

  it.each(['failed', 'delayed'])(
    'are all that is read there: a DSN "%s" without a token is refused',
    async (action) => {
      const message = await sent(account, someone());
      for (const door of ['node', 'routing'] as const)
        expect((await bring(dsn(message, { action }), fbl, door))[0]).toMatch(/^refused$|^5\.7\.1 /);
      expect(await kindsOf(message)).toEqual(['delivered']);
      expect(await entriesOf(account, message.recipient)).toEqual([]);
    },
  );

  it.each([
    ['of a loop that is listed', 'feedback@arf.mail.yahoo.com'],
    ['in upper case', 'Feedback@ARF.mail.yahoo.com'],
    ['of a loop that the operator has added by its address', 'loop@isp.example'],
    ['of a loop that the operator has added by its domain', 'anybody@fbl.isp.example'],
  ])('are verified, count and suppress when a signature has passed %s', async (_, author) => {
    const message = await sent(account, someone());
    const before = (await counted()).feedback_unverified ?? 0;
    await bring(arf(message), fbl, 'node', '', author);
    expect((await storyOf(account, message.messageId))[1]).toMatchObject({
      kind: 'complained',
      details: { verified: true, suppresses: true },
    });
    expect(await entriesOf(account, message.recipient)).toMatchObject([{ reason: 'complaint' }]);
    expect((await counted()).feedback_unverified ?? 0).toBe(before);
  });

  it.each([
    ['a customer of a loop’s domain', 'ann@arf.mail.yahoo.com'],
    ['a domain below that of a loop', 'feedback@x.arf.mail.yahoo.com'],
    ['a domain below one that the operator has added', 'feedback@x.fbl.isp.example'],
    ['a domain that is no loop', 'feedback@isp.example'],
  ])('stay unverified when it was %s that has signed', async (_, author) => {
    const message = await sent(account, someone());
    await bring(arf(message), fbl, 'node', '', author);
    expect((await storyOf(account, message.messageId))[1]).toMatchObject({
      details: { verified: false, suppresses: false },
    });
    expect(await entriesOf(account, message.recipient)).toEqual([]);
  });

  it('stay unverified when a loop has signed, and only the original, which anybody could write, names the recipient', async () => {
    const message = await sent(account, someone());
    const originalFields = [
      `To: <${message.recipient}>`,
      `Message-ID: <${message.messageId}@sender.example>`,
    ];
    const report = arf(message, { originalFields }).replace(/^Original-Rcpt-To.*\r\n/m, '');
    await bring(report, fbl, 'node', '', 'feedback@arf.mail.yahoo.com');
    expect((await storyOf(account, message.messageId))[1]).toMatchObject({
      kind: 'complained',
      details: { verified: false, suppresses: false },
    });
    expect(await entriesOf(account, message.recipient)).toEqual([]);
  });

  it.each(['CFBL-Feedback-ID', 'Feedback-ID'])(
    'suppress nobody either when they are correlated by %s',
    async (name) => {
      const message = await sent(account, someone());
      const originalFields = ['Message-ID: <own@elsewhere.example>', `${name}: ${message.messageId}`];
      await bring(arf(message, { originalFields }), 'fbl@pp-bounces.customer.example');
      expect((await storyOf(account, message.messageId))[1]).toMatchObject({
        kind: 'complained',
        details: { verified: false, suppresses: false },
      });
      expect(await entriesOf(account, message.recipient)).toEqual([]);
    },
  );
});

describe('a token', () => {
  it('counts in upper case and in any mix of cases', async () => {
    const message = await sent(account, someone());
    await bring(dsn(message), message.mailFrom.toUpperCase());
    expect(await statusOf(account, message.messageId)).toBe('bounced');
  });

  it('speaks for its own recipient, whatever the report says inside', async () => {
    const [one, other] = [someone(), someone()];
    const { body } = await call('POST', '/v1/send', account.live, mail(account, { to: [one, other] }));
    const node = await new TestNode('two').hello();
    const { deliveries } = await node.lease();
    const delivery = deliveries.find((d: Answer) => d.rcptTo === one);
    await node.post('results', {
      results: deliveries.map((d: Answer) =>
        result(d, { type: 'delivered', reply: { code: 250, status: null, text: '' }, dkim: [] }),
      ),
    });
    await bring(dsn({ recipient: other, messageId: body.message_id }), delivery.mailFrom);
    const { body: detail } = await call('GET', `/v1/emails/${body.message_id}`, account.live);
    const states = detail.deliveries.map((d: Answer) => [d.recipient, d.status]);
    expect(states).toEqual([
      [one, 'bounced'],
      [other, 'delivered'],
    ]);
    expect(await entriesOf(account, other)).toEqual([]);
  });

  it('is good for each recipient of one mail by itself', async () => {
    const [one, other] = [await sent(account, someone()), await sent(account, someone())];
    const verdicts = await bring(dsn(one), [one.mailFrom, 'nobody@bounces.mail.example.org', other.mailFrom]);
    expect(verdicts).toEqual(['taken', 'unknown', 'taken']);
    expect([await statusOf(account, one.messageId), await statusOf(account, other.messageId)]).toEqual([
      'bounced',
      'bounced',
    ]);
  });
});

describe('what comes back', () => {
  it('is told once when the same DSN comes many times at once', async () => {
    const message = await sent(account, someone());
    const report = dsn(message);
    await Promise.all(Array.from({ length: 8 }, () => bring(report, message.mailFrom)));
    expect(await kindsOf(message)).toEqual(['delivered', 'bounced']);
  });

  it('is told once also when a relay has put a trace field above it, or it has no Message-ID', async () => {
    const message = await sent(account, someone());
    const warning = dsn(message, { action: 'delayed', status: '4.4.1', diagnostic: '', id: null });
    await bring(warning, message.mailFrom);
    await bring(`Received: from relay.example by us.example\r\n${warning}`, message.mailFrom);
    expect(await kindsOf(message)).toEqual(['delivered', 'deferred']);
  });

  it('leaves a delivery as it is when it is only a warning of delay, and ends it when the failure follows', async () => {
    const message = await sent(account, someone());
    await bring(
      dsn(message, { action: 'delayed', status: '4.4.1', diagnostic: '451 4.4.1 Timed out' }),
      message.mailFrom,
    );
    expect(await statusOf(account, message.messageId)).toBe('delivered');
    expect(await entriesOf(account, message.recipient)).toEqual([]);
    await bring(dsn(message, { status: '4.4.7', diagnostic: '' }), message.mailFrom);
    expect(await kindsOf(message)).toEqual(['delivered', 'deferred', 'bounced']);
    expect(await statusOf(account, message.messageId)).toBe('bounced');
    expect(await entriesOf(account, message.recipient)).toEqual([]);
  });

  it.each(['delivered', 'relayed', 'expanded'])('is harmless when it says %s', async (action) => {
    const message = await sent(account, someone());
    await bring(dsn(message, { action, status: '2.0.0', diagnostic: '250 Ok' }), message.mailFrom);
    expect(await kindsOf(message)).toEqual(['delivered']);
    expect(await statusOf(account, message.messageId)).toBe('delivered');
  });

  it.each([
    ['5.7.1', '550 5.7.1 Message rejected due to SPF', 'auth'],
    ['5.7.1', '554 5.7.1 Service unavailable; client blocked using zen.spamhaus.org', 'blocklisted'],
    ['5.3.4', '552 5.3.4 Message too big', 'too_large'],
  ])('does not suppress for %s %s', async (status, diagnostic, failureClass) => {
    const message = await sent(account, someone());
    await bring(dsn(message, { status, diagnostic }), message.mailFrom);
    expect((await storyOf(account, message.messageId))[1].details).toMatchObject({
      class: failureClass,
      suppresses: false,
    });
    expect(await entriesOf(account, message.recipient)).toEqual([]);
  });

  it('ends a delivery that was put off and is perhaps accepted, so that it is not tried again', async () => {
    const message = await sent(account, someone(), { outcome: { ...deferred, type: 'maybeAccepted' } });
    await bring(dsn(message), message.mailFrom);
    const { body } = await call('GET', `/v1/emails/${message.messageId}`, account.live);
    expect(body.deliveries[0]).toMatchObject({ status: 'bounced', next_attempt_at: null });
  });

  it('ends a delivery that the node never reported; a later report of that lease is stale', async () => {
    const to = someone();
    const { body } = await call('POST', '/v1/send', account.live, mail(account, { to: [to] }));
    const node = await new TestNode('silent').hello();
    const { deliveries } = await node.lease();
    await bring(dsn({ recipient: to, messageId: body.message_id }), deliveries[0].mailFrom);
    expect(await statusOf(account, body.message_id)).toBe('bounced');
    const reported = await node.post('results', { results: [result(deliveries[0], deferred)] });
    expect(reported.body.verdicts).toEqual(['stale']);
  });

  it('is an automatic reply or a person, by what it is', async () => {
    const message = await sent(account, someone());
    await bring(
      letter(['Subject: Out of office', 'Auto-Submitted: auto-replied', 'Message-ID: <1@x>']),
      message.mailFrom,
    );
    const reply = letter(['Subject: Re: Your receipt', 'Message-ID: <2@x>'], 'Thanks!');
    await bring(reply, message.mailFrom, 'node', 'ann@example.net');
    const story = await storyOf(account, message.messageId);
    expect(story.slice(1)).toMatchObject([
      { kind: 'auto_replied', type: 'email.auto_replied', details: { subject: 'Out of office' } },
      { kind: 'bounce_replied', type: 'email.bounce_replied', details: { subject: 'Re: Your receipt' } },
    ]);
    expect(await statusOf(account, message.messageId)).toBe('delivered');
  });

  it.each<[Door, string]>([
    ['node', ''],
    ['routing', '<>'],
  ])(
    'is counted and changes nothing when it is a notification that tells nothing (%s)',
    async (door, sender) => {
      const message = await sent(account, someone());
      const before = (await counted()).returned_unread ?? 0;
      await bring(
        letter(['Subject: Notice', 'Message-ID: <n@x>'], 'Something.').replace('ann@', 'MAILER-DAEMON@'),
        message.mailFrom,
        door,
        sender,
      );
      expect(await kindsOf(message)).toEqual(['delivered']);
      expect(await statusOf(account, message.messageId)).toBe('delivered');
      expect((await counted()).returned_unread).toBe(before + 1);
    },
  );

  it('is a failure in prose when a machine tells it: the null sender is one', async () => {
    const tell = async (mailFrom: string) => {
      const message = await sent(account, someone());
      const text = `This message was rejected.\r\n\r\nRecipient: ${message.recipient}`;
      await bring(letter(['Subject: Delivery failed'], text), message.mailFrom, 'node', mailFrom);
      return await kindsOf(message);
    };
    expect(await tell('')).toEqual(['delivered', 'bounced']);
    expect(await tell('ann@example.net')).toEqual(['delivered', 'bounce_replied']);
  });

  it.each([
    ['nothing at all', ''],
    ['only line ends', '\r\n\r\n'],
    ['no Message-ID and no From', 'Subject: x\r\n\r\nx'],
    ['an empty report', dsn({ recipient: '', messageId: '' }, { status: '', diagnostic: '', id: null })],
    ['a report without parts', 'Content-Type: multipart/report; boundary=b\r\n\r\n'],
  ])('may be %s, from <> or ""', async (_, raw) => {
    const message = await sent(account, someone());
    expect(await bring(raw, message.mailFrom, 'node', '')).toEqual(['taken']);
    expect(await bring(raw, message.mailFrom, 'routing', '<>')).toEqual(['taken']);
    const kinds = await kindsOf(message);
    expect(kinds).not.toContain('bounce_replied');
    expect(await statusOf(account, message.messageId)).toBe(
      kinds.includes('bounced') ? 'bounced' : 'delivered',
    );
  });

  it('is bounded: no more than fifty mails to one delivery become events', async () => {
    const message = await sent(account, someone());
    for (let i = 0; i < 53; i++)
      await bring(
        letter([`Message-ID: <${i}@x>`, 'Subject: Re: again']),
        message.mailFrom,
        'node',
        'ann@example.net',
      );
    expect((await kindsOf(message)).filter((kind: string) => kind === 'bounce_replied')).toHaveLength(50);
    expect((await counted()).returned_too_many).toBeGreaterThanOrEqual(3);
  });

  it('is refused when it is larger than a mebibyte', async () => {
    const message = await sent(account, someone());
    const raw = `Subject: x\r\n\r\n${'x'.repeat(1024 * 1024)}`;
    expect((await bring(raw, message.mailFrom, 'routing'))[0]).toMatch(/^5\.3\.4 /);
    await expect(bring(raw, message.mailFrom)).rejects.toThrow('too_large');
  });
});

describe('a complaint', () => {
  it('by its token suppresses and does not change the state', async () => {
    const message = await sent(account, someone());
    await bring(arf(message), message.mailFrom);
    expect(await statusOf(account, message.messageId)).toBe('delivered');
    const story = await storyOf(account, message.messageId);
    expect(story[1]).toMatchObject({
      kind: 'complained',
      details: { feedbackType: 'abuse', source: 'TestFBL/1.0', suppresses: true },
    });
    expect((await entriesOf(account, message.recipient))[0].reason).toBe('complaint');
  });

  it('of a stream with a name suppresses there, and nowhere else; a bounce of it in the whole account', async () => {
    const to = someone();
    const message = await sent(account, to, { body: { stream: 'offers' } });
    await bring(arf(message), message.mailFrom);
    expect(await entriesOf(account, to)).toMatchObject([{ reason: 'complaint', scope: 'stream:offers' }]);
    const again = async (stream?: string) =>
      (await call('POST', '/v1/send', account.live, mail(account, { to: [to], ...(stream && { stream }) })))
        .status;
    expect([await again('offers'), await again('invoices'), await again()]).toEqual([422, 202, 202]);
    await bring(dsn(message), message.mailFrom);
    expect([await again('invoices'), await again()]).toEqual([422, 422]);
  });

  it('is correlated by our return path inside the report, also when its recipient is redacted', async () => {
    const message = await sent(account, someone());
    const redacted = { recipient: 'redacted-1f2e@isp.example', messageId: 'gone' };
    const reportFields = [`Original-Mail-From: <${message.mailFrom}>`];
    await bring(arf(redacted, { reportFields }), 'fbl@bounces.mail.example.org');
    expect(await kindsOf(message)).toEqual(['delivered', 'complained']);
  });

  it('is correlated by the Return-Path of the returned message', async () => {
    const message = await sent(account, someone());
    const originalFields = [`Return-Path: <${message.mailFrom}>`, 'Message-ID: <other@elsewhere.example>'];
    await bring(arf(message, { originalFields }), 'abuse@bounces.mail.example.org');
    expect(await kindsOf(message)).toEqual(['delivered', 'complained']);
  });

  it('is correlated by the CFBL-Feedback-ID of the returned message, at the host that CFBL-Address named', async () => {
    const message = await sent(account, someone());
    const originalFields = [
      'Message-ID: <own@elsewhere.example>',
      `Feedback-ID: ${account.id}:standard::pennypost`,
      `CFBL-Feedback-ID: ${message.messageId}`,
    ];
    await bring(arf(message, { originalFields }), 'fbl@pp-bounces.customer.example');
    expect(await kindsOf(message)).toEqual(['delivered', 'complained']);
  });

  it('changes nothing when its recipient is another, or its message does not exist', async () => {
    const message = await sent(account, someone());
    const before = (await counted()).feedback_uncorrelated ?? 0;
    await bring(arf({ ...message, recipient: 'eve@example.net' }), 'fbl@bounces.mail.example.org');
    await bring(arf({ ...message, messageId: crypto.randomUUID() }), 'fbl@bounces.mail.example.org');
    expect(await kindsOf(message)).toEqual(['delivered']);
    expect((await counted()).feedback_uncorrelated).toBe(before + 2);
  });

  it.each(['not-spam', 'auth-failure', 'Not-Spam'])(
    'of the type %s, which is none, changes nothing and suppresses nobody, whichever address it came to',
    async (type) => {
      const message = await sent(account, someone());
      const before = (await counted()).feedback_other ?? 0;
      for (const to of [message.mailFrom, 'fbl@bounces.mail.example.org'])
        expect(await bring(arf(message, { type }), to)).toEqual(['taken']);
      expect(await kindsOf(message)).toEqual(['delivered']);
      expect(await entriesOf(account, message.recipient)).toEqual([]);
      expect((await counted()).feedback_other).toBe(before + 2);
    },
  );

  it('that is undone later stays: who says "not spam" of one mail has not asked for more', async () => {
    const message = await sent(account, someone());
    await bring(arf(message), message.mailFrom);
    await bring(arf(message, { type: 'not-spam' }), message.mailFrom);
    expect(await entriesOf(account, message.recipient)).toMatchObject([{ reason: 'complaint' }]);
  });

  it('takes the place of a hard bounce as the reason', async () => {
    const message = await sent(account, someone());
    await bring(dsn(message), message.mailFrom);
    await bring(arf(message), message.mailFrom);
    expect(await entriesOf(account, message.recipient)).toMatchObject([{ reason: 'complaint' }]);
  });

  it('is all that the mailboxes for feedback take', async () => {
    const verdicts = await bring(letter(['Subject: Hello?']), ['abuse@bounces.mail.example.org']);
    expect(verdicts).toEqual(['refused']);
    expect(await bring(letter(['Subject: Hello?']), 'fbl@pp-bounces.customer.example')).toEqual(['refused']);
    expect(await bring(letter(['Subject: Hello?']), 'abuse@elsewhere.example')).toEqual(['unknown']);
  });
});

describe('a failure at SMTP time', () => {
  it('of a mailbox that does not exist suppresses in the same transaction', async () => {
    const message = await sent(account, someone(), { outcome: smtpBounce({}) });
    expect((await storyOf(account, message.messageId))[0].details).toMatchObject({
      source: 'smtp',
      suppresses: true,
    });
    expect(await entriesOf(account, message.recipient)).toMatchObject([
      {
        reason: 'hard_bounce',
        source: 'smtp',
        proof: '550 5.1.1 No such user',
        message_id: message.messageId,
      },
    ]);
  });

  it.each(['auth', 'blocklisted', 'spam', 'policy', 'unknown', 'relay_denied'])(
    'of class %s never does',
    async (name) => {
      const message = await sent(account, someone(), { outcome: smtpBounce({ class: name }) });
      expect((await storyOf(account, message.messageId))[0].details.suppresses).toBe(false);
      expect(await entriesOf(account, message.recipient)).toEqual([]);
    },
  );

  it('of a full mailbox suppresses at the third within a week, for thirty days, whichever way it was told', async () => {
    const to = someone();
    const full = smtpBounce({ class: 'mailbox_full', reply: { code: 552, status: '5.2.2', text: 'Full' } });
    const first = await sent(account, to, { outcome: full });
    const second = await sent(account, to);
    await bring(dsn(second, { status: '5.2.2', diagnostic: '552 5.2.2 Mailbox full' }), second.mailFrom);
    expect(await entriesOf(account, to)).toEqual([]);
    const third = await sent(account, to, { outcome: full });
    const suppresses = await Promise.all(
      [first, second, third].map(
        async ({ messageId }) => (await storyOf(account, messageId)).at(-1)?.details.suppresses,
      ),
    );
    expect(suppresses).toEqual([false, false, true]);
    const [entry] = await entriesOf(account, to);
    const days = (Date.parse(entry.expires_at) - Date.parse(entry.created_at)) / 86_400_000;
    expect([entry.reason, days]).toEqual(['hard_bounce', 30]);
  });

  it('of a full mailbox counts no more after a week', async () => {
    const to = someone();
    const full = smtpBounce({ class: 'mailbox_full' });
    await sent(account, to, { outcome: full });
    await sent(account, to, { outcome: full });
    await bindings.DB.prepare('UPDATE full_mailboxes SET at_ms = at_ms - 8 * 86400000 WHERE address = ?')
      .bind(to)
      .run();
    await sent(account, to, { outcome: full });
    expect(await entriesOf(account, to)).toEqual([]);
  });
});

describe('the door for nodes', () => {
  it('tells at RCPT which addresses there are', async () => {
    const message = await sent(account, someone());
    const node = await new TestNode('asker').hello();
    const addresses = [
      message.mailFrom,
      'b-x@bounces.mail.example.org',
      'postmaster@bounces.mail.example.org',
    ];
    const { doors } = (await node.post('inbound/check', { addresses })).body;
    expect(doors.map(({ door }: Answer) => door)).toEqual(['returned', 'refused', 'returned']);
  });

  it('is open to nodes only', async () => {
    const response = await request('/node/v1/inbound?mail_from=&rcpt_to=a@b.example', {
      method: 'POST',
      body: 'x',
    });
    expect(response.status).toBe(401);
  });

  it('throws when the store is away, so that the mail is kept where it is', async () => {
    const message = await sent(account, someone());
    const week = (
      await bindings.DB.prepare(
        `SELECT name FROM sqlite_master WHERE name LIKE 'deliveries_%' AND type = 'table' ORDER BY name`,
      ).all<{ name: string }>()
    ).results;
    expect(week.length).toBeGreaterThan(0);
    await bindings.DB.prepare('ALTER TABLE counters RENAME TO counters_away').run();
    try {
      await expect(bring(dsn(message), message.mailFrom, 'routing')).rejects.toThrow();
      expect(await kindsOf(message)).toEqual(['delivered']);
    } finally {
      await bindings.DB.prepare('ALTER TABLE counters_away RENAME TO counters').run();
    }
    await bring(dsn(message), message.mailFrom, 'routing');
    expect(await kindsOf(message)).toEqual(['delivered', 'bounced']);
  });
});
