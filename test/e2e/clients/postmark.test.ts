/** Postmark's own client package, unchanged: only its host and tokens are ours. Each of its methods is a row. */

import { AccountClient, Errors, type Message, Models, ServerClient } from 'postmark';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../lab/until.ts';
import { type EdgeFixture, startEdgeFixture } from '../../support/edge-fixture.ts';
import type { EdgeNode } from '../../support/edge-node.ts';
import { clientOf, guideCode } from '../../support/guide-code.ts';
import { Hook } from '../../support/hook.ts';
import { MethodTable } from '../../support/method-table.ts';

let edge: EdgeFixture;
let node: EdgeNode;
let hook: Hook;
let server: ServerClient;
let account: AccountClient;
const table = new MethodTable('postmark');

const optionsOf = () => ({ useHttps: false, requestHost: `${new URL(edge.url).host}/postmark` });
beforeAll(async () => {
  edge = await startEdgeFixture();
  node = await edge.node();
  hook = await Hook.start();
  server = new ServerClient(edge.liveKey, optionsOf());
  account = new AccountClient(edge.liveKey, optionsOf());
});
afterAll(async () => {
  await edge?.stop();
  await hook?.stop();
});

/** What a method gives, which becomes a row. */
async function good<T>(method: string, call: Promise<T>): Promise<T> {
  const answer = await call;
  table.note(method, 'ok');
  return answer;
}

async function refused(call: Promise<unknown>): Promise<Errors.HttpError> {
  const error: unknown = await call.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (error instanceof Errors.PostmarkError) return error as Errors.HttpError;
  throw new Error(`no refusal: ${String(error)}`);
}

const message = (more: Partial<Message> = {}): Message => ({
  From: `Shop <shop@${edge.domain}>`,
  To: 'user@example.net',
  Subject: 'Hello',
  TextBody: 'Thank you.',
  ...more,
});
const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z$/;

describe('messages', () => {
  it('are sent with every field, and told about', async () => {
    const sent = await good(
      'sendEmail',
      server.sendEmail(
        message({
          To: 'a@example.net, "B, b" <b@example.net>',
          Cc: 'c@example.net',
          Bcc: 'd@example.net',
          ReplyTo: 'help@elsewhere.example',
          HtmlBody: '<p>Thank <b>you</b>.</p>',
          Tag: 'receipt',
          Metadata: { order: '4711' },
          Headers: [
            { Name: 'X-Order', Value: '42' },
            { Name: 'X-Order', Value: '43' },
          ],
          TrackOpens: true,
          TrackLinks: Models.LinkTrackingOptions.HtmlAndText,
          MessageStream: 'broadcast',
          Attachments: [
            { Name: 'a.txt', Content: 'YXR0YWNoZWQ=', ContentType: 'text/plain', ContentID: null },
            { Name: 'l.png', Content: 'iVBORw==', ContentType: 'image/png', ContentID: 'cid:logo' },
          ],
        }),
      ),
    );
    expect(sent).toEqual({
      To: 'a@example.net, "B, b" <b@example.net>',
      Cc: 'c@example.net',
      Bcc: 'd@example.net',
      SubmittedAt: expect.stringMatching(time),
      MessageID: expect.stringMatching(/^[0-9a-f-]{36}$/),
      ErrorCode: 0,
      Message: 'OK',
    });
    expect(await edge.mailOf(sent.MessageID)).toMatchObject({
      from: { name: 'Shop', address: `shop@${edge.domain}` },
      to: [{ address: 'a@example.net' }, { name: 'B, b', address: 'b@example.net' }],
      cc: [{ address: 'c@example.net' }],
      replyTo: [{ address: 'help@elsewhere.example' }],
      attachments: [{ filename: 'l.png', contentId: '<logo>', disposition: 'inline' }, { filename: 'a.txt' }],
    });
    expect((await edge.rawOf(sent.MessageID)).match(/^X-Order: .*$/gm)).toEqual([
      'X-Order: 42',
      'X-Order: 43',
    ]);
    const details = await good('getOutboundMessageDetails', server.getOutboundMessageDetails(sent.MessageID));
    expect(details).toMatchObject({
      MessageID: sent.MessageID,
      MessageStream: 'broadcast',
      Tag: 'receipt',
      To: [{ Email: 'a@example.net' }, { Email: 'b@example.net' }],
      Cc: [{ Email: 'c@example.net' }],
      Bcc: [{ Email: 'd@example.net' }],
      Subject: 'Hello',
      Status: 'Queued',
      Metadata: { order: '4711' },
      TextBody: 'Thank you.\n',
      Attachments: ['l.png', 'a.txt'],
      ReceivedAt: expect.stringMatching(time),
      MessageEvents: [],
    });
    expect(details.Body).toBe(await edge.rawOf(sent.MessageID));
    const dump = await good('getOutboundMessageDump', server.getOutboundMessageDump(sent.MessageID));
    expect(dump.Body).toBe(details.Body);
  });

  it('are tracked where there is one reader of HTML, and sent all the same elsewhere', async () => {
    const wish = { TrackOpens: true, TrackLinks: Models.LinkTrackingOptions.HtmlOnly };
    const html = await server.sendEmail(
      message({ ...wish, HtmlBody: '<p><a href="https://a.example/x">x</a></p>' }),
    );
    const text = await server.sendEmail(message(wish));
    const tracked = async (id: string) => await server.getOutboundMessageDetails(id);
    expect(await tracked(html.MessageID)).toMatchObject({ TrackOpens: true, TrackLinks: 'HtmlOnly' });
    expect(await tracked(text.MessageID)).toMatchObject({ TrackOpens: false, TrackLinks: 'None' });
    const raw = (await edge.mailOf(html.MessageID)).html ?? '';
    const links = [...raw.matchAll(/(?:src|href)="(https?:[^"]+)"/g)].map(([, link = '']) => new URL(link));
    await node.deliverAll();
    for (const { pathname, search } of links)
      await fetch(edge.url + pathname + search, { redirect: 'manual' });
    const [opens, clicks] = [
      await good('getMessageOpensForSingleMessage', server.getMessageOpensForSingleMessage(html.MessageID)),
      await good('getMessageClicksForSingleMessage', server.getMessageClicksForSingleMessage(html.MessageID)),
    ];
    expect(opens).toMatchObject({
      TotalCount: 1,
      Opens: [{ RecordType: 'Open', Recipient: 'user@example.net' }],
    });
    expect(clicks).toMatchObject({ TotalCount: 1, Clicks: [{ OriginalLink: 'https://a.example/x' }] });
    expect(await good('getMessageOpens', server.getMessageOpens())).toEqual(opens);
    expect(await good('getMessageClicks', server.getMessageClicks())).toEqual(clicks);
    expect((await tracked(html.MessageID)).MessageEvents.map(({ Type }) => Type)).toEqual(
      expect.arrayContaining(['Delivered', 'Opened', 'LinkClicked']),
    );
  });

  it('are sent in batches, with an answer each', async () => {
    const answers = await good(
      'sendEmailBatch',
      server.sendEmailBatch([message(), message({ To: 'nobody' }), message({ From: 'a@elsewhere.example' })]),
    );
    expect(answers).toMatchObject([
      { ErrorCode: 0, Message: 'OK', MessageID: expect.any(String) },
      { ErrorCode: 300, Message: expect.stringMatching(/^Invalid 'To/) },
      { ErrorCode: 400, Message: expect.stringContaining('elsewhere.example') },
    ]);
    const many = await refused(server.sendEmailBatch(Array.from({ length: 101 }, () => message())));
    expect(many).toMatchObject({ statusCode: 422, code: 410 });
  });

  it('are listed and looked for', async () => {
    const all = await good('getOutboundMessages', server.getOutboundMessages({ count: 2 }));
    expect(all.Messages).toHaveLength(2);
    expect(Number(all.TotalCount)).toBeGreaterThan(2);
    const tagged = await server.getOutboundMessages({ tag: 'receipt', recipient: 'A@example.net' });
    expect(tagged).toMatchObject({ TotalCount: 1, Messages: [{ Tag: 'receipt' }] });
    const none = await server.getOutboundMessages({ toDate: '2020-01-01' });
    expect(none).toEqual({ TotalCount: 0, Messages: [] });
  });

  it.each<[string, Partial<Message>, number, RegExp]>([
    ['an address that is none', { To: 'nobody' }, 300, /^Invalid 'To/],
    ['no recipient', { To: '' }, 300, /^Invalid 'To'/],
    ['no content', { TextBody: '' }, 300, /one of TextBody and HtmlBody is required/],
    ['a domain of somebody else', { From: 'a@elsewhere.example' }, 400, /elsewhere\.example/],
    [
      'a file of a refused name',
      { Attachments: [{ Name: 'a.exe', Content: '', ContentType: 'a/b', ContentID: null }] },
      411,
      /Attachments/,
    ],
  ])('are refused for %s', async (_, more, code, said) => {
    const error = await refused(server.sendEmail(message(more)));
    expect(error).toBeInstanceOf(Errors.ApiInputError);
    expect(error).toMatchObject({ statusCode: 422, code });
    expect(error.message).toMatch(said);
  });

  it('are sent by the client that the guide makes', async () => {
    // Nobody has a certificate here.
    const code = guideCode('from-postmark', 'js', edge).replace(
      'requestHost:',
      'useHttps: false, requestHost:',
    );
    const made = clientOf(code, 'client', { postmark: { ServerClient } }, ServerClient);
    expect((await made.sendEmail(message())).ErrorCode).toBe(0);
  });

  it('are not sent with a wrong token, and not read with one that may not', async () => {
    const wrong = await refused(new ServerClient('nothing', optionsOf()).sendEmail(message()));
    expect(wrong).toBeInstanceOf(Errors.InvalidAPIKeyError);
    expect(wrong).toMatchObject({ statusCode: 401, code: 10 });
    const { secret } = (await edge.operator('POST', `/accounts/${edge.accountId}/credentials`, {
      scopes: ['send'],
    })) as { secret: string };
    const weak = new ServerClient(secret, optionsOf());
    expect((await weak.sendEmail(message())).ErrorCode).toBe(0);
    expect(await refused(weak.getBounces())).toMatchObject({ statusCode: 401, code: 10 });
    expect(await refused(server.getOutboundMessageDetails('nothing'))).toMatchObject({
      statusCode: 422,
      code: 701,
    });
  });
});

describe('webhooks', () => {
  it('are made, posted to, changed and removed', async () => {
    const on = { Enabled: true };
    const made = await good(
      'createWebhook',
      server.createWebhook({
        Url: hook.url,
        HttpAuth: { Username: 'user', Password: 'p@ss' },
        Triggers: { Delivery: on, Bounce: { ...on, IncludeContent: false } },
      }),
    );
    expect(made).toMatchObject({
      ID: expect.any(Number),
      Url: hook.url,
      HttpAuth: { Username: 'user', Password: 'p@ss' },
      MessageStream: 'outbound',
      Triggers: { Delivery: on, Bounce: on, Open: { Enabled: false } },
    });
    const sent = await server.sendEmail(
      message({ To: 'gone@bounce.example.net', Tag: 'x', Metadata: { a: '1' } }),
    );
    await server.sendEmail(message({ To: 'there@example.net' }));
    await node.deliverAll();
    const told = () => hook.posts.map(({ text }) => JSON.parse(text));
    const wanted = (type: string, to: string) =>
      told().find((one) => one.RecordType === type && (one.Email ?? one.Recipient) === to);
    const bounce = await until('the bounce is told', 30_000, async () =>
      wanted('Bounce', 'gone@bounce.example.net'),
    );
    expect(bounce).toMatchObject({
      RecordType: 'Bounce',
      ID: expect.any(Number),
      Type: 'HardBounce',
      TypeCode: 1,
      Name: 'Hard bounce',
      MessageID: sent.MessageID,
      Tag: 'x',
      Metadata: { a: '1' },
      Email: 'gone@bounce.example.net',
      From: `Shop <shop@${edge.domain}>`,
      Subject: 'Hello',
      Inactive: true,
      CanActivate: true,
      BouncedAt: expect.stringMatching(time),
      Details: '550 5.1.1 No such user',
    });
    const delivery = await until('the delivery is told', 30_000, async () =>
      wanted('Delivery', 'there@example.net'),
    );
    expect(delivery).toMatchObject({ DeliveredAt: expect.stringMatching(time), Details: '250 2.0.0 Ok' });
    expect(hook.posts[0]?.headers.authorization).toBe(`Basic ${btoa('user:p@ss')}`);

    const { ID } = made;
    expect(await good('getWebhook', server.getWebhook(ID))).toEqual(made);
    expect(await good('getWebhooks', server.getWebhooks())).toEqual({ Webhooks: [made] });
    const changed = await good(
      'editWebhook',
      server.editWebhook(ID, { Triggers: { Open: on, Delivery: { Enabled: false } } }),
    );
    expect(changed).toMatchObject({
      HttpAuth: { Username: 'user' },
      Triggers: { Open: on, Bounce: on, Delivery: { Enabled: false } },
    });
    await good('deleteWebhook', server.deleteWebhook(ID));
    expect(await refused(server.getWebhook(ID))).toMatchObject({ statusCode: 422 });
    expect(await refused(server.createWebhook({ Url: hook.url }))).toMatchObject({
      statusCode: 422,
      message: expect.stringContaining('Triggers'),
    });
  });
});

describe('bounces, suppressions and figures', () => {
  it('bounces are listed, read by their number, and taken back', async () => {
    const list = await good('getBounces', server.getBounces({ inactive: true }));
    expect(list).toMatchObject({
      TotalCount: 1,
      Bounces: [{ Email: 'gone@bounce.example.net', Type: 'HardBounce' }],
    });
    const [bounce] = list.Bounces;
    const id = bounce?.ID ?? 0;
    expect(await good('getBounce', server.getBounce(id))).toEqual(bounce);
    expect(await good('getBounceDump', server.getBounceDump(id))).toEqual({ Body: '' });
    expect((await server.getBounces({ messageID: bounce?.MessageID ?? '' })).Bounces).toEqual([bounce]);
    expect((await server.getBounces({ type: Models.BounceType.SpamComplaint })).TotalCount).toBe(0);
    expect(await refused(server.sendEmail(message({ To: 'gone@bounce.example.net' })))).toMatchObject({
      statusCode: 422,
      code: 406,
      name: 'InactiveRecipientsError',
    });
    const active = await good('activateBounce', server.activateBounce(id));
    expect(active).toMatchObject({ Message: 'OK', Bounce: { ID: id, Inactive: false } });
    expect((await server.sendEmail(message({ To: 'gone@bounce.example.net' }))).ErrorCode).toBe(0);
    expect(await refused(server.getBounce(1))).toMatchObject({ statusCode: 422, code: 407 });
  });

  it('suppressions are added, listed and removed', async () => {
    const entries = { Suppressions: [{ EmailAddress: 'a@example.org' }, { EmailAddress: 'nobody' }] };
    const made = await good('createSuppressions', server.createSuppressions('outbound', entries));
    expect(made.Suppressions).toEqual([
      { EmailAddress: 'a@example.org', Status: 'Suppressed', Message: null },
      { EmailAddress: 'nobody', Status: 'Failed', Message: expect.stringContaining('"@"') },
    ]);
    const all = await good('getSuppressions', server.getSuppressions('outbound'));
    expect(all.Suppressions).toEqual([
      {
        EmailAddress: 'a@example.org',
        SuppressionReason: 'ManualSuppression',
        Origin: 'Customer',
        CreatedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$/),
      },
    ]);
    expect((await server.getSuppressions('broadcast')).Suppressions).toEqual(all.Suppressions);
    const one = { Suppressions: [{ EmailAddress: 'b@example.org' }] };
    await server.createSuppressions('broadcast', one);
    expect((await server.getSuppressions('outbound')).Suppressions).toHaveLength(1);
    expect((await server.getSuppressions('broadcast')).Suppressions).toHaveLength(2);
    const toB = message({ To: 'b@example.org', MessageStream: 'broadcast' });
    expect(await refused(server.sendEmail(toB))).toMatchObject({ code: 406 });
    expect((await server.sendEmail({ ...toB, MessageStream: 'outbound' })).ErrorCode).toBe(0);
    await server.deleteSuppressions('broadcast', one);
    expect((await server.sendEmail(toB)).ErrorCode).toBe(0);
    const complaints = { suppressionReason: 'SpamComplaint' as Models.SuppressionReason };
    expect((await server.getSuppressions('outbound', complaints)).Suppressions).toEqual([]);
    const gone = await good('deleteSuppressions', server.deleteSuppressions('outbound', entries));
    expect(gone.Suppressions[0]).toEqual({ EmailAddress: 'a@example.org', Status: 'Deleted', Message: null });
  });

  it('figures are summed up, and told by day', async () => {
    const overview = await good('getOutboundOverview', server.getOutboundOverview());
    expect(overview).toMatchObject({ Bounced: 1, SpamComplaints: 0, Opens: 1, TotalClicks: 1 });
    expect(overview.Sent).toBeGreaterThan(5);
    const day = new Date().toISOString().slice(0, 10);
    const reports = {
      getSentCounts: [server.getSentCounts({ fromDate: day }), { Sent: overview.Sent }],
      getBounceCounts: [server.getBounceCounts(), { HardBounce: 1, SoftBounce: 0 }],
      getSpamComplaintsCounts: [server.getSpamComplaintsCounts(), { SpamComplaint: 0 }],
      getEmailOpenCounts: [server.getEmailOpenCounts(), { Opens: 1 }],
      getClickCounts: [server.getClickCounts(), { Clicks: 1 }],
    } as const;
    for (const [method, [call, counts]] of Object.entries(reports))
      expect([method, await good(method, call as Promise<unknown>)]).toEqual([
        method,
        { Days: [{ Date: day, ...counts }], ...counts },
      ]);
    expect(await server.getSentCounts({ tag: 'x' })).toEqual({ Days: [], Sent: 1 });
    const stats = await good('getDeliveryStatistics', server.getDeliveryStatistics());
    expect(stats).toMatchObject({
      InactiveMails: 0,
      Bounces: [
        { Name: 'All', Count: 1 },
        { Type: 'HardBounce', Count: 1 },
      ],
    });
  });
});

describe('received mail', () => {
  it('is posted whole, listed, read and told once more', async () => {
    hook.posts.length = 0;
    const domain = `in.${edge.domain}`;
    await edge.operator('POST', `/accounts/${edge.accountId}/domains`, {
      domain,
      type: 'inbound',
      verified: true,
    });
    await edge.post('/v1/webhooks', { url: hook.url, format: 'postmark', events: ['email.received'] });
    const raw = [
      'From: Ann <ann@people.example>',
      `To: Info <info+order17@${domain}>`,
      'Cc: C <c@elsewhere.example>',
      'Reply-To: reply@people.example',
      'Subject: A question',
      'Date: Fri, 27 Nov 2026 10:00:00 +0000',
      'Message-ID: <1@people.example>',
      'X-Own: 1',
      'MIME-Version: 1.0',
      'Content-Type: multipart/mixed; boundary=b',
      '',
      '--b',
      'Content-Type: text/plain',
      '',
      'Hello',
      '--b',
      'Content-Type: text/csv; name=a.csv',
      'Content-Disposition: attachment; filename=a.csv',
      'Content-Transfer-Encoding: base64',
      '',
      btoa('a,b'),
      '--b--',
      '',
    ].join('\r\n');
    const id = await node.bring(`info+order17@${domain}`, raw);
    await until('it is told', 30_000, async () => hook.posts.length > 0);
    const full = { Email: 'ann@people.example', Name: 'Ann', MailboxHash: '' };
    const facts = {
      From: 'ann@people.example',
      FromName: 'Ann',
      FromFull: full,
      ToFull: [{ Email: `info+order17@${domain}`, Name: 'Info', MailboxHash: 'order17' }],
      CcFull: [{ Email: 'c@elsewhere.example', Name: 'C', MailboxHash: '' }],
      BccFull: [],
      ReplyTo: 'reply@people.example',
      OriginalRecipient: `info+order17@${domain}`,
      Subject: 'A question',
      Date: 'Fri, 27 Nov 2026 10:00:00 +0000',
      MailboxHash: 'order17',
      MessageID: id,
      MessageStream: 'inbound',
      TextBody: 'Hello\n',
      HtmlBody: '',
      Headers: expect.arrayContaining([{ Name: 'X-Own', Value: '1' }]),
    };
    const posted = JSON.parse(hook.posts[0]?.text ?? '');
    expect(posted).toMatchObject(facts);
    expect(posted.Attachments).toMatchObject([
      { Name: 'a.csv', ContentType: 'text/csv', ContentLength: 3, Content: btoa('a,b') },
    ]);
    const details = await good('getInboundMessageDetails', server.getInboundMessageDetails(id));
    expect(details).toMatchObject({ ...facts, Attachments: [{ Name: 'a.csv' }] });
    const list = await good('getInboundMessages', server.getInboundMessages({ subject: 'question' }));
    expect(list).toMatchObject({
      TotalCount: 1,
      InboundMessages: [{ MessageID: id, Subject: 'A question' }],
    });
    await good('retryInboundHookForMessage', server.retryInboundHookForMessage(id));
    await until('it is told again', 30_000, async () => hook.posts.length > 1);
  });
});

describe('domains of an account', () => {
  it('are added, read, changed, looked at and removed', async () => {
    const made = await good(
      'account.createDomain',
      account.createDomain({ Name: 'news.client.example', ReturnPathDomain: 'send.news.client.example' }),
    );
    expect(made).toMatchObject({
      ID: expect.any(Number),
      Name: 'news.client.example',
      SPFVerified: false,
      DKIMVerified: false,
      DKIMPendingHost: 'pennypost._domainkey.news.client.example',
      DKIMPendingTextValue: expect.stringMatching(/^v=DKIM1; k=rsa; p=/),
      ReturnPathDomain: 'send.news.client.example',
      ReturnPathDomainCNAMEValue: 'bounces.pennypost.test',
    });
    const { ID } = made;
    expect(await good('account.getDomain', account.getDomain(ID))).toEqual(made);
    expect(await good('account.getDomains', account.getDomains())).toMatchObject({
      TotalCount: 3,
      Domains: [
        { Name: edge.domain, DKIMVerified: true },
        { Name: `in.${edge.domain}` },
        { ID, DKIMVerified: false },
      ],
    });
    const changed = await good(
      'account.editDomain',
      account.editDomain(ID, { ReturnPathDomain: 'mta.news.client.example' }),
    );
    expect(changed.ReturnPathDomain).toBe('mta.news.client.example');
    await good('account.verifyDomainDKIM', account.verifyDomainDKIM(ID));
    await good('account.verifyDomainReturnPath', account.verifyDomainReturnPath(ID));
    await good('account.verifyDomainSPF', account.verifyDomainSPF(ID));
    // A key that is not published yet is not rotated.
    expect(await refused(account.rotateDomainDKIM(ID))).toMatchObject({ statusCode: 422 });
    const signing = (await account.getDomains()).Domains.find(({ Name }) => Name === edge.domain)?.ID ?? 0;
    const rotated = await good('account.rotateDomainDKIM', account.rotateDomainDKIM(signing));
    expect(rotated).toMatchObject({
      DKIMVerified: true,
      DKIMHost: `pennypost._domainkey.${edge.domain}`,
      DKIMPendingHost: `pennypost2._domainkey.${edge.domain}`,
      DKIMUpdateStatus: 'Pending',
    });
    await good('account.deleteDomain', account.deleteDomain(ID));
    expect(await refused(account.getDomain(ID))).toMatchObject({ statusCode: 422, code: 510 });
  });
});

describe('templates', () => {
  it('and layouts are made, read, changed, tried, sent and removed', async () => {
    const layout = await server.createTemplate({
      Name: 'Frame',
      Alias: 'frame',
      TemplateType: Models.TemplateTypes.Layout,
      HtmlBody: '<main>{{{@content}}}<i>{{shop}}</i></main>',
      TextBody: '{{{@content}}}-- {{shop}}',
    });
    expect(layout).toMatchObject({ TemplateType: 'Layout', Alias: 'frame', LayoutTemplate: null });
    const made = await good(
      'createTemplate',
      server.createTemplate({
        Name: 'Welcome',
        Alias: 'welcome',
        Subject: 'Welcome, {{user.name}}',
        HtmlBody: '<p>Hello {{user.name}}</p>{{#each products}}<b>{{name}}</b>{{/each}}',
        TextBody: 'Hello {{user.name}}',
        LayoutTemplate: 'frame',
      }),
    );
    expect(made).toEqual({
      TemplateId: expect.any(Number),
      Name: 'Welcome',
      Active: true,
      Alias: 'welcome',
      TemplateType: 'Standard',
      LayoutTemplate: 'frame',
    });
    const model = { user: { name: 'Ann' }, products: [{ name: 'A' }, { name: 'B' }], shop: 'Us' };
    const mail = { From: `shop@${edge.domain}`, To: 'user@example.net', TemplateModel: model };
    const sent = await good(
      'sendEmailWithTemplate',
      server.sendEmailWithTemplate({ ...mail, TemplateId: made.TemplateId, InlineCss: true, Tag: 'welcome' }),
    );
    expect(sent).toMatchObject({ ErrorCode: 0, Message: 'OK', To: 'user@example.net' });
    expect(await edge.mailOf(sent.MessageID)).toMatchObject({
      subject: 'Welcome, Ann',
      html: '<main><p>Hello Ann</p><b>A</b><b>B</b><i>Us</i></main>\n',
      text: 'Hello Ann-- Us\n',
    });
    const batch = await good(
      'sendEmailBatchWithTemplates',
      server.sendEmailBatchWithTemplates([
        { ...mail, TemplateAlias: 'welcome' },
        { ...mail, TemplateAlias: 'welcome', TemplateModel: {} },
        { ...mail, TemplateAlias: 'nothing' },
      ]),
    );
    expect(batch).toMatchObject([
      { ErrorCode: 0, MessageID: expect.any(String) },
      { ErrorCode: 300, Message: expect.stringContaining('TemplateModel') },
      { ErrorCode: 1101, Message: expect.stringContaining('nothing') },
    ]);
    const got = await good('getTemplate', server.getTemplate('welcome'));
    expect(got).toMatchObject({
      ...made,
      Subject: 'Welcome, {{user.name}}',
      AssociatedServerId: edge.accountId,
    });
    const standard = { templateType: Models.TemplateTypes.Standard };
    expect(await good('getTemplates', server.getTemplates(standard))).toEqual({
      TotalCount: 1,
      Templates: [made],
    });
    const changed = await good('editTemplate', server.editTemplate(made.TemplateId, { Subject: 'Hello' }));
    expect(changed).toEqual(made);
    const tried = await good(
      'validateTemplate',
      server.validateTemplate({
        Subject: 'Hi {{name}}',
        HtmlBody: '{{#each list}}{{one}}{{/each}}',
        TextBody: '{{#if a}}',
        TestRenderModel: { name: 'Ann' },
      }),
    );
    expect(tried).toMatchObject({
      AllContentIsValid: false,
      Subject: { ContentIsValid: true, RenderedContent: 'Hi Ann' },
      TextBody: { ContentIsValid: false },
      SuggestedTemplateModel: { name: 'Ann', list: [{ one: 'one_Value' }, {}, {}] },
    });
    const own = {
      SourceServerID: edge.accountId,
      DestinationServerID: edge.accountId,
      PerformChanges: false,
    };
    expect(await good('account.pushTemplates', account.pushTemplates(own))).toEqual({
      TotalCount: 0,
      Templates: [],
    });
    expect(await refused(account.pushTemplates({ ...own, DestinationServerID: 7 }))).toMatchObject({
      statusCode: 422,
      code: 601,
    });
    expect(await refused(server.deleteTemplate('frame'))).toMatchObject({ statusCode: 422, code: 1130 });
    expect(await good('deleteTemplate', server.deleteTemplate('welcome'))).toEqual({
      ErrorCode: 0,
      Message: `Template ${made.TemplateId} removed.`,
    });
    expect(await refused(server.getTemplate(made.TemplateId))).toMatchObject({ statusCode: 422, code: 1101 });
    expect(await refused(server.createTemplate({ Name: 'x', TextBody: 'y' }))).toMatchObject({
      statusCode: 422,
      code: 1120,
    });
  });
});

describe('what has no counterpart', () => {
  const asks = (): Record<string, () => Promise<unknown>> => ({
    sendBulkEmail: () => server.sendBulkEmail({ From: 'a@b.example', Messages: [{ To: 'c@d.example' }] }),
    getBulkEmailStatus: () => server.getBulkEmailStatus('1'),
    getServer: () => server.getServer(),
    editServer: () => server.editServer({ Name: 's' }),
    bypassBlockedInboundMessage: () => server.bypassBlockedInboundMessage('1'),
    getTrackedEmailCounts: () => server.getTrackedEmailCounts(),
    getEmailOpenPlatformUsage: () => server.getEmailOpenPlatformUsage(),
    getEmailOpenClientUsage: () => server.getEmailOpenClientUsage(),
    getEmailOpenReadTimes: () => server.getEmailOpenReadTimes(),
    getClickBrowserUsage: () => server.getClickBrowserUsage(),
    getClickPlatformUsage: () => server.getClickPlatformUsage(),
    getClickLocation: () => server.getClickLocation(),
    createInboundRuleTrigger: () => server.createInboundRuleTrigger({ Rule: 'a@b.example' }),
    deleteInboundRuleTrigger: () => server.deleteInboundRuleTrigger(1),
    getInboundRuleTriggers: () => server.getInboundRuleTriggers(),
    getMessageStreams: () => server.getMessageStreams(),
    getMessageStream: () => server.getMessageStream('outbound'),
    editMessageStream: () => server.editMessageStream('outbound', { Name: 'o' }),
    createMessageStream: () =>
      server.createMessageStream({ ID: 'a', Name: 'a', MessageStreamType: 'Transactional' }),
    archiveMessageStream: () => server.archiveMessageStream('outbound'),
    unarchiveMessageStream: () => server.unarchiveMessageStream('outbound'),
    'account.getServers': () => account.getServers(),
    'account.getSenderSignatures': () => account.getSenderSignatures(),
    'account.getDataRemovalStatus': () => account.getDataRemovalStatus(1),
  });

  it('says what there is instead, in their shape', async () => {
    for (const [method, ask] of Object.entries(asks())) {
      const error = await refused(ask());
      expect([method, error.statusCode, error.code]).toEqual([method, 404, 404]);
      expect([method, error.message]).not.toEqual([method, expect.stringContaining('There is nothing at')]);
      table.note(method, error.message);
    }
  });

  it('and every method of a server has been called', () => {
    const own = Object.getOwnPropertyNames(Object.getPrototypeOf(server)) as string[];
    table.print(own.filter((name) => name !== 'constructor' && !/^(set|process)/.test(name)));
  });
});
