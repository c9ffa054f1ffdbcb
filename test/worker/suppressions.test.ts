import { beforeAll, describe, expect, it } from 'vitest';
import { importLimits } from '../../worker/api/suppressions.ts';
import { type Answer, call, mail, migrate, newAccount, request, type TestAccount } from './support.ts';

let account: TestAccount;
let other: TestAccount;
beforeAll(async () => {
  await migrate();
  account = await newAccount();
  other = await newAccount();
});

const api = (method: string, path: string, body?: unknown, of = account) =>
  call(method, `/v1${path}`, of.live, body);
const checked = async (email: string, of = account) =>
  (await api('GET', `/suppressions/check?${new URLSearchParams({ email })}`, undefined, of)).body;
const statusOfSend = async (to: string, of = account) =>
  (await call('POST', '/v1/send', of.live, mail(of, { to: [to] }))).status;

async function upload(
  csv: string | Uint8Array,
  commit: boolean,
  type = 'text/csv',
): Promise<{ status: number; body: Answer }> {
  const response = await request(`/v1/suppressions/import?commit=${commit}`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${account.live}`, 'Content-Type': type },
    body: csv,
  });
  return { status: response.status, body: await response.json() };
}

async function exported(of = account): Promise<string> {
  const response = await request('/v1/suppressions/export', {
    headers: { Authorization: `Bearer ${of.live}` },
  });
  expect(response.headers.get('Content-Type')).toMatch(/^text\/csv/);
  return await response.text();
}

describe('suppressions', () => {
  it('hold a recipient back, and let it go when they are removed', async () => {
    const { status, body } = await api('POST', '/suppressions', {
      email: 'x1@Example.NET',
      note: 'asked by phone',
    });
    expect(status).toBe(201);
    expect(body).toMatchObject({
      email: 'x1@example.net',
      reason: 'manual',
      scope: 'account',
      source: 'api',
      proof: 'asked by phone',
      expires_at: null,
    });
    expect(await statusOfSend('x1@EXAMPLE.net')).toBe(422);
    expect((await api('DELETE', '/suppressions/x1%40example.net')).status).toBe(204);
    expect((await api('DELETE', '/suppressions/x1%40example.net')).status).toBe(404);
    expect(await statusOfSend('x1@example.net')).toBe(202);
  });

  it('leave out the suppressed recipients of a message and send to the others', async () => {
    await api('POST', '/suppressions', { email: 'left-out@example.net', reason: 'unsubscribe' });
    const { body } = await call(
      'POST',
      '/v1/send',
      account.live,
      mail(account, { to: ['left-out@example.net', 'in@example.net'] }),
    );
    const { body: detail } = await call('GET', `/v1/emails/${body.message_id}`, account.live);
    expect(detail.deliveries.map((d: Answer) => [d.recipient, d.status, d.reason])).toEqual([
      ['left-out@example.net', 'suppressed', 'unsubscribe'],
      ['in@example.net', 'queued', null],
    ]);
    const { body: events } = await call('GET', `/v1/emails/${body.message_id}/events`, account.live);
    expect(
      events.data.filter((e: Answer) => e.kind === 'suppressed').map((e: Answer) => e.recipient),
    ).toEqual(['left-out@example.net']);
  });

  it.each([
    ['mary-ann@fold.example', ['mary@fold.example', 'ann@fold.example', 'maryann@fold.example']],
    ['bob+tag@fold.example', ['bob@fold.example', 'bob+other@fold.example']],
    ['j.doe@fold.example', ['jdoe@fold.example']],
    ['Carol@fold.example', ['carol@fold.example']],
  ])('of %s are for exactly that address', async (email, others) => {
    await api('POST', '/suppressions', { email });
    expect((await checked(email)).suppressed).toBe(true);
    for (const one of others) {
      expect((await checked(one)).suppressed, one).toBe(false);
      expect(await statusOfSend(one), one).toBe(202);
    }
  });

  it('know a domain in U-labels and A-labels as one', async () => {
    await api('POST', '/suppressions', { email: 'ann@b\u00fccher.example' });
    expect(await checked('ann@xn--bcher-kva.example')).toMatchObject({
      email: 'ann@xn--bcher-kva.example',
      suppressed: true,
    });
  });

  it('may be limited to a sending domain', async () => {
    await api('POST', '/suppressions', { email: 'scoped@example.net', scope: 'elsewhere.example' });
    expect(await statusOfSend('scoped@example.net')).toBe(202);
    await api('POST', '/suppressions', { email: 'scoped@example.net', scope: account.domain });
    expect(await statusOfSend('scoped@example.net')).toBe(422);
    expect((await api('DELETE', `/suppressions/scoped%40example.net?scope=${account.domain}`)).status).toBe(
      204,
    );
    expect((await checked('scoped@example.net')).entries.map((e: Answer) => e.scope)).toEqual([
      'elsewhere.example',
    ]);
  });

  it('end at their time', async () => {
    const soon = new Date(Date.now() + 100_000).toISOString();
    await api('POST', '/suppressions', { email: 'temporary@example.net', expires_at: soon });
    expect((await checked('temporary@example.net')).entries[0].expires_at).toBe(soon);
    const past = new Date(Date.now() - 1000).toISOString();
    const refused = await api('POST', '/suppressions', { email: 'past@example.net', expires_at: past });
    expect(refused.body.errors).toEqual([{ pointer: '/expires_at', detail: 'must be in the future' }]);
  });

  it('belong to their account', async () => {
    await api('POST', '/suppressions', { email: 'mine@example.net' });
    expect((await checked('mine@example.net', other)).suppressed).toBe(false);
    expect((await api('DELETE', '/suppressions/mine%40example.net', undefined, other)).status).toBe(404);
    expect(await exported(other)).not.toContain('mine@example.net');
    expect((await checked('mine@example.net')).suppressed).toBe(true);
  });

  it('are listed by text, reason and scope, newest first, in pages', async () => {
    for (const [i, reason] of ['manual', 'complaint', 'manual', 'manual'].entries()) {
      await api('POST', '/suppressions', { email: `list${i}@listed.example`, reason });
    }
    const emails = async (query: string) => {
      const { body } = await api('GET', `/suppressions?${query}`);
      return [body.data.map((e: Answer) => e.email.slice(0, 5)), body.has_more];
    };
    expect(await emails('query=LISTED.example')).toEqual([['list3', 'list2', 'list1', 'list0'], false]);
    expect(await emails('query=listed.example&reason=manual&limit=2')).toEqual([['list3', 'list2'], true]);
    expect(await emails('query=listed.example&reason=manual&limit=2&offset=2')).toEqual([['list0'], false]);
    expect(await emails('query=listed.example&scope=elsewhere.example')).toEqual([[], false]);
    expect((await api('GET', '/suppressions?reason=tired')).body.errors[0].pointer).toBe('reason');
  });

  it.each([
    [{ email: 'no-at' }, '/email'],
    [{}, '/email'],
    [{ email: 'a@b.example', reason: 'x' }, '/reason'],
    [{ email: 'a@b.example', scope: 'not a domain' }, '/scope'],
    [{ email: 'a@b.example', more: 1 }, '/'],
  ])('refuse %j with a pointer to the fault', async (body, pointer) => {
    const answer = await api('POST', '/suppressions', body);
    expect([answer.status, answer.body.errors[0].pointer]).toEqual([400, pointer]);
  });

  it('need a key that may manage', async () => {
    const { body } = await call(
      'POST',
      `/admin/v1/accounts/${account.id}/credentials`,
      'test-operator-token-0123456789abcdef01234',
      { scopes: ['send', 'read'] },
    );
    const post = await call('POST', '/v1/suppressions', body.secret, { email: 'a@b.example' });
    expect([post.status, post.body.code]).toEqual([403, 'missing_scope']);
    expect((await call('GET', '/v1/suppressions', body.secret)).status).toBe(200);
  });
});

describe('an import', () => {
  const csv = [
    'EmailAddress,SuppressionReason,Origin,CreatedAt',
    'imp1@example.net,HardBounce,Recipient,2024-05-01T10:00:00Z',
    'imp2@example.net,SpamComplaint,Recipient,2024-05-01T10:00:00Z',
    'imp1@example.net,HardBounce,Recipient,2024-05-02T10:00:00Z',
    'not an address,HardBounce,Recipient,2024-05-01T10:00:00Z',
    'imp3@example.net,HardBounce,Recipient,someday',
    '',
  ].join('\r\n');
  const expected = { format: 'postmark', rows: 5, doubles: 1, invalid: 1 };

  it('is shown before it is committed, and changes nothing until then', async () => {
    const { status, body } = await upload(csv, false);
    expect(status).toBe(200);
    expect(body).toMatchObject({ ...expected, committed: false, new: 3, already_suppressed: 0 });
    expect(body.errors.map((fault: Answer) => fault.line)).toEqual([5]);
    expect(body.warnings).toEqual([
      { line: 6, detail: expect.stringContaining('cannot be read: "someday"') },
    ]);
    expect(body.sample.map((entry: Answer) => [entry.email, entry.reason])).toEqual([
      ['imp1@example.net', 'hard_bounce'],
      ['imp2@example.net', 'complaint'],
      ['imp3@example.net', 'hard_bounce'],
    ]);
    expect((await checked('imp1@example.net')).suppressed).toBe(false);
  });

  it('suppresses when it is committed, and once', async () => {
    expect((await upload(csv, true)).body).toMatchObject({ ...expected, committed: true, new: 3 });
    expect((await upload(csv, true)).body).toMatchObject({ ...expected, new: 0, already_suppressed: 3 });
    expect((await checked('imp2@example.net')).entries).toMatchObject([
      { reason: 'complaint', source: 'import', created_at: '2024-05-01T10:00:00.000Z' },
    ]);
    expect(await statusOfSend('imp1@example.net')).toBe(422);
  });

  it('leaves a proof that is there', async () => {
    await api('POST', '/suppressions', {
      email: 'proved@example.net',
      reason: 'complaint',
      note: 'the proof',
    });
    await upload('email,created\r\nproved@example.net,\r\n', true);
    expect((await checked('proved@example.net')).entries[0]).toMatchObject({
      reason: 'complaint',
      proof: 'the proof',
    });
  });

  it('takes thousands of rows, and an export gives them back', async () => {
    const lines = Array.from({ length: 3000 }, (_, i) => `many${i}@many.example,1443651125`);
    expect((await upload(['email,created', ...lines].join('\n'), true)).body).toMatchObject({ new: 3000 });
    const text = await exported();
    expect(text.split('\r\n').filter((line) => line.startsWith('many'))).toHaveLength(3000);
    expect((await upload(text, false)).body).toMatchObject({ format: 'pennypost', new: 0, invalid: 0 });
  });

  it.each([
    ['a,b\r\n1,2', 'header row'],
    ['email,reason\r\n"a', 'line 2: a quoted cell has no end'],
    ['', 'is empty'],
    [new Uint8Array([0xff, 0xfe, 0x41]), 'UTF-8'],
  ])('that cannot be read says why', async (file, why) => {
    const { status, body } = await upload(file, true);
    expect([status, body.code]).toEqual([400, 'invalid_body']);
    expect(body.detail).toContain(why);
  });

  it('has a bound of rows and of octets, which a refusal names, and nothing of what is over it is taken', async () => {
    const rows = (count: number) => `email\r\n${'over@example.net\r\n'.repeat(count)}`;
    const most = await upload(rows(importLimits.rows), false);
    expect([most.status, most.body]).toMatchObject([
      200,
      { rows: importLimits.rows, new: 1, doubles: importLimits.rows - 1 },
    ]);
    const over = await upload(rows(importLimits.rows + 1), true);
    expect([over.status, over.body.detail]).toEqual([
      400,
      'The file has 20001 rows; at most 20000 are taken at once: split it.',
    ]);
    const large = await upload(new Uint8Array(importLimits.bytes + 1), true);
    expect([large.status, large.body.code]).toEqual([413, 'too_large']);
    expect((await checked('over@example.net')).suppressed).toBe(false);
  });

  it.each(['utf-16le', 'utf-16be'])('may be in %s, as spreadsheets save it', async (encoding) => {
    const text = '\ufeffemail;created\r\nx16@example.net;01.05.2024\r\n';
    const file = new Uint8Array(text.length * 2);
    const view = new DataView(file.buffer);
    for (let i = 0; i < text.length; i++) view.setUint16(i * 2, text.charCodeAt(i), encoding === 'utf-16le');
    const { status, body } = await upload(file, false);
    expect(status).toBe(200);
    expect(body).toMatchObject({ rows: 1, new: 1, invalid: 0, warnings: [{ line: 2 }] });
  });

  it('is refused when it is no text', async () => {
    const { status, body } = await upload(Uint8Array.of(0x61, 0xe9, 0x0a), false);
    expect([status, body.detail]).toEqual([400, expect.stringContaining('UTF-8 nor in UTF-16')]);
  });

  it('must say that it is CSV', async () => {
    expect((await upload('{}', true, 'application/json')).status).toBe(415);
  });
});

describe('an export', () => {
  it('has no address either that a spreadsheet would take for a formula, and gives it back as it was', async () => {
    const addresses = ['=cmd|calc@x.test', '+1@x.test', '-x@x.test', "'=quoted@x.test", "'o@x.test"];
    for (const email of addresses) expect((await api('POST', '/suppressions', { email })).status).toBe(201);
    const text = await exported();
    for (const cell of text.split('\r\n').flatMap((row) => row.split(',')))
      expect(cell).not.toMatch(/^"?[=+\-@]/);
    for (const email of addresses) await api('DELETE', `/suppressions/${encodeURIComponent(email)}`);
    const imported = await request('/v1/suppressions/import?commit=true', {
      method: 'POST',
      headers: { Authorization: `Bearer ${account.live}`, 'Content-Type': 'text/csv' },
      body: text,
    });
    expect(imported.status).toBe(200);
    for (const email of addresses) {
      const { body } = await api('GET', `/suppressions/check?email=${encodeURIComponent(email)}`);
      expect([email, body.suppressed]).toEqual([email, true]);
    }
  });

  it('has no cell of a peer that a spreadsheet would take for a formula', async () => {
    await api('POST', '/suppressions', { email: 'formula@example.net', note: '=HYPERLINK("http://x")' });
    expect(await exported()).toContain('"\'=HYPERLINK(""http://x"")"');
  });
});

describe('a dry run', () => {
  const rehearse = (body: Record<string, unknown>, of = account, key = of.live) =>
    call('POST', '/v1/send?dry_run=true', key, mail(of, body));

  it('tells what each recipient would get and why, and stores nothing', async () => {
    await api('POST', '/suppressions', { email: 'dry@example.net', reason: 'complaint' });
    const before = (await api('GET', '/emails?limit=100')).body.data.length;
    const { status, body } = await rehearse({ to: ['dry@example.net', 'wet@example.net'], class: 'digest' });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      dry_run: true,
      would_send: true,
      class: 'digest',
      size_bytes: expect.any(Number),
    });
    expect(body.checks.map((check: Answer) => [check.check, check.ok])).toEqual([
      ['domain', true],
      ['size', true],
      ['recipients', true],
    ]);
    expect(body.recipients).toMatchObject([
      {
        recipient: 'dry@example.net',
        would: 'suppressed',
        why: 'suppressed: complaint',
        entry: { scope: 'account' },
      },
      { recipient: 'wet@example.net', would: 'queued', why: 'nothing holds it back' },
    ]);
    expect((await api('GET', '/emails?limit=100')).body.data).toHaveLength(before);
  });

  it('tells that nobody would get it', async () => {
    await api('POST', '/suppressions', { email: 'dry2@example.net' });
    const { body } = await rehearse({ to: ['dry2@example.net'] });
    expect([body.would_send, body.checks[2].ok]).toEqual([false, false]);
  });

  it('tells that the domain may not send', async () => {
    const { body } = await rehearse({ from: 'a@elsewhere.example' });
    expect(body.would_send).toBe(false);
    expect(body.checks[0]).toMatchObject({
      check: 'domain',
      ok: false,
      detail: expect.stringContaining('elsewhere.example'),
    });
    expect(body.recipients[0].would).toBe('refused');
  });

  it('tells of schedules and of test keys', async () => {
    const later = new Date(Date.now() + 3_600_000).toISOString();
    expect((await rehearse({ send_at: later })).body.recipients[0]).toMatchObject({
      would: 'scheduled',
      why: `waits until ${later}`,
    });
    expect((await rehearse({}, account, account.test)).body.recipients[0].would).toBe('simulated');
  });

  it('is refused like a send when the body or the key is not good', async () => {
    expect((await rehearse({ to: ['nobody'] })).status).toBe(400);
    expect(
      (await call('POST', '/v1/send?dry_run=true', 'pp_live_00000000000000000000000000000000', mail(account)))
        .status,
    ).toBe(401);
    expect(
      (await call('POST', '/v1/send?dry_run=yes', account.live, mail(account))).body.errors[0].pointer,
    ).toBe('dry_run');
  });
});
