import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createTransport } from 'nodemailer';
import { describe, expect, it } from 'vitest';
import { problem } from '../support/fake-edge.ts';
import { SmtpTalk } from '../support/smtp-talk.ts';
import { submissionAtEdge } from '../support/submission.ts';

const queued = /^250 Thanks! Queued as: [0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const mib = Buffer.from(`${'x'.repeat(1022)}\r\n`.repeat(1024));

describe('submission: an accepted message', () => {
  it('is forwarded byte for byte with its envelope and the client’s own key', async () => {
    await using at = await submissionAtEdge();
    const talk = await SmtpTalk.open(at.port);
    expect(await talk.logIn()).toMatch(/^235 2\.7\.0 /);
    await talk.say('MAIL FROM:<a+b&c@xn--bcher-kva.example> BODY=8BITMIME');
    await talk.say('RCPT TO:<one@example.net>');
    await talk.say('RCPT TO:<two@example.net>');
    expect(await talk.say('DATA')).toMatch(/^354 /);
    talk.write('Subject: \xe9\r\n\r\n..\r\n..two\r\nfoo\r\n.\r\n');
    expect(await talk.reply()).toMatch(queued);
    const [message] = at.edge.accepted;
    expect(message?.raw.toString('latin1')).toBe('Subject: \xe9\r\n\r\n.\r\n.two\r\nfoo\r\n');
    expect(message?.query.get('mail_from')).toBe('a+b&c@xn--bcher-kva.example');
    expect(message?.query.getAll('rcpt_to')).toEqual(['one@example.net', 'two@example.net']);
    expect(message?.headers).toMatchObject({
      authorization: 'Bearer pp_test_secret',
      'content-type': 'message/rfc822',
      'x-pennypost-source': 'smtp',
      'x-pennypost-received-by': 'mail.example.com',
    });
  });

  it.each([
    ['PLAIN', false],
    ['LOGIN', false],
    ['PLAIN', true],
  ] as const)('comes from nodemailer with AUTH %s, implicit TLS %s', async (authMethod, secure) => {
    await using at = await submissionAtEdge();
    const transport = createTransport({
      host: '127.0.0.1',
      port: secure ? at.tlsPort : at.port,
      secure,
      authMethod,
      auth: { user: 'PennyPost', pass: 'pp_test_secret' },
      tls: { rejectUnauthorized: false },
    });
    const info = await transport.sendMail({
      from: 'a@example.com',
      to: 'b@example.net',
      subject: 'x',
      text: 'y',
    });
    expect(info.response).toMatch(queued);
    transport.close();
  });

  it('follows another on the same connection, pipelined', async () => {
    await using at = await submissionAtEdge();
    const talk = await SmtpTalk.open(at.tlsPort, { tls: true });
    await talk.logIn('robot');
    for (const round of [1, 2]) {
      talk.write('MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n');
      await talk.reply();
      await talk.reply();
      await talk.reply();
      talk.write(`Subject: ${round}\r\n\r\nx\r\n.\r\n`);
      expect(await talk.reply()).toMatch(queued);
    }
    expect(at.edge.accepted).toHaveLength(2);
  });

  it.skipIf(!existsSync('/usr/bin/swaks'))('comes from swaks', async () => {
    await using at = await submissionAtEdge();
    const args = ['--server', '127.0.0.1', '--port', String(at.port), '--tls', '--auth', 'PLAIN'];
    const login = ['--auth-user', 'pennypost', '--auth-password', 'pp_test_secret'];
    const mail = ['--from', 'a@example.com', '--to', 'b@example.net', '--helo', 'client.example'];
    const output = await new Promise<string>((resolve) => {
      execFile('/usr/bin/swaks', [...args, ...login, ...mail], (_error, stdout) => resolve(stdout));
    });
    expect(output).toContain('250 Thanks! Queued as: ');
    expect(at.edge.accepted).toHaveLength(1);
  });

  it('of 25 MiB is taken', async () => {
    await using at = await submissionAtEdge();
    const talk = await SmtpTalk.open(at.tlsPort, { tls: true });
    await talk.logIn();
    await talk.beginMessage();
    await talk.pour(mib, 25);
    talk.write('.\r\n');
    expect(await talk.reply()).toMatch(queued);
    expect(at.edge.accepted[0]?.raw.length).toBe(25 * 1024 * 1024);
  });
});

describe('submission: logging in', () => {
  it('is offered only under TLS, together with the extensions we have', async () => {
    await using at = await submissionAtEdge();
    const talk = await SmtpTalk.open(at.port);
    const clear = await talk.say('EHLO client.example');
    expect(clear).toContain('STARTTLS');
    expect(clear).not.toContain('AUTH');
    await talk.startTls();
    const secure = (await talk.say('EHLO client.example')).split('\n').map((line) => line.slice(4));
    expect(secure).toEqual(
      expect.arrayContaining([
        'PIPELINING',
        '8BITMIME',
        'SMTPUTF8',
        'ENHANCEDSTATUSCODES',
        'AUTH PLAIN LOGIN',
        'SIZE 26214400',
      ]),
    );
    expect(secure).not.toContain('STARTTLS');
  });

  it('is refused before TLS, and the password does not reach the edge', async () => {
    await using at = await submissionAtEdge();
    const talk = await SmtpTalk.open(at.port);
    await talk.say('EHLO client.example');
    const token = Buffer.from('\0pennypost\0pp_test_secret').toString('base64');
    expect(await talk.say(`AUTH PLAIN ${token}`)).toMatch(/^538 5\.7\.0 /);
    expect(await talk.say('MAIL FROM:<a@example.com>')).toMatch(/^530 5\.7\.0 /);
    expect(at.edge.asked).toEqual([]);
  });

  it('must come before MAIL', async () => {
    await using at = await submissionAtEdge();
    const talk = await SmtpTalk.open(at.tlsPort, { tls: true });
    await talk.say('EHLO client.example');
    expect(await talk.say('MAIL FROM:<a@example.com>')).toMatch(/^530 5\.7\.0 /);
  });

  it.each(['pennypost', 'Resend', 'POSTSCALE', 'pp_test_secret'])(
    'succeeds as %s with a key',
    async (user) => {
      await using at = await submissionAtEdge();
      const talk = await SmtpTalk.open(at.port);
      expect(await talk.logIn(user, 'pp_test_secret')).toMatch(/^235 /);
    },
  );

  it.each([
    ['pennypost', 'pp_test_wrong'],
    ['somebody', 'pp_test_secret'],
    ['pennypost', 'not a key\r\n'],
    ['pennypost', ''],
  ])('fails as %s with %j', async (user, secret) => {
    await using at = await submissionAtEdge();
    const talk = await SmtpTalk.open(at.port);
    expect(await talk.logIn(user, secret)).toMatch(/^535 5\.7\.8 /);
  });

  it('fails with a key that may not send', async () => {
    await using at = await submissionAtEdge();
    at.edge.script.set('credential', () => ({ status: 200, body: { username: 'robot', scopes: ['read'] } }));
    const talk = await SmtpTalk.open(at.port);
    expect(await talk.logIn()).toBe('535 5.7.8 This key may not send');
  });

  it('fails with a suspended account, and says so', async () => {
    await using at = await submissionAtEdge();
    const detail = 'The account is suspended: spam reports.';
    at.edge.script.set('credential', () => problem(403, 'account_suspended', detail));
    const talk = await SmtpTalk.open(at.port);
    expect(await talk.logIn()).toBe(`535 5.7.8 ${detail}`);
  });

  it('fails for a while when the edge is away', async () => {
    await using at = await submissionAtEdge();
    at.edge.script.set('credential', () => 'drop');
    const talk = await SmtpTalk.open(at.port);
    expect(await talk.logIn()).toMatch(/^454 4\.7\.0 /);
  });

  it('fails for a while when something else than the edge answers', async () => {
    await using at = await submissionAtEdge();
    at.edge.script.set('credential', () => ({ status: 404, body: Buffer.from('<html>') }));
    const talk = await SmtpTalk.open(at.port);
    expect(await talk.logIn()).toMatch(/^454 4\.7\.0 /);
  });

  it('is open to a good key whatever others behind the same address do; further failures are answered late', async () => {
    await using at = await submissionAtEdge({ failedLogins: 10, lateMs: 50 });
    const guess = async (secret: string) => (await SmtpTalk.open(at.port)).logIn('pennypost', secret);
    for (let i = 0; i < 10; i++) expect(await guess('pp_test_wrong')).toMatch(/^535 /);
    const guesser = await SmtpTalk.open(at.port);
    expect(await guesser.logIn('pennypost', 'pp_test_wrong')).toMatch(/^421 4\.7\.0 /);
    expect(await guesser.reply()).toBe('closed');
    expect(await guess('pp_test_secret')).toMatch(/^235 /);
  });
});

describe('submission: a refused message', () => {
  it.each([
    [problem(401, 'unauthorized', 'gone'), '535 5.7.8 gone'],
    [problem(403, 'domain_not_allowed', 'not yours'), '550 5.7.1 not yours'],
    [problem(400, 'invalid_address'), '501 5.1.3 because of invalid_address'],
    [problem(413, 'too_large'), '552 5.3.4 because of too_large'],
    [problem(422, 'all_suppressed', 'line one\r\n250 ok'), '550 5.1.8 line one 250 ok'],
    [problem(429, 'rate_limit_exceeded'), '451 4.7.1 because of rate_limit_exceeded'],
    [problem(503, 'unavailable'), '451 4.3.0 because of unavailable'],
    [problem(418, 'new_and_unknown'), '550 5.0.0 because of new_and_unknown'],
  ])('%# is answered as the catalogue of problems says', async (answer, reply) => {
    await using at = await submissionAtEdge();
    at.edge.script.set('send/raw', () => answer);
    const talk = await SmtpTalk.open(at.port);
    await talk.logIn();
    await talk.beginMessage();
    expect(await talk.say('Subject: x\r\n\r\nx\r\n.')).toBe(reply);
  });

  it.each([
    ['a proxy’s 404', { status: 404, body: Buffer.from('<html>no</html>') }],
    ['a bare 502', { status: 502 }],
    ['an unknown problem of 5xx', problem(599, 'new_and_unknown')],
    ['a 202 without a message id', { status: 202, body: {} }],
    ['no answer', 'drop' as const],
  ])('is kept by the client after %s', async (_name, answer) => {
    await using at = await submissionAtEdge();
    at.edge.script.set('send/raw', () => answer);
    const talk = await SmtpTalk.open(at.port);
    await talk.logIn();
    await talk.beginMessage();
    expect(await talk.say('Subject: x\r\n\r\nx\r\n.')).toMatch(/^451 4\.3\.0 /);
  });

  it('is answered after the final dot also when the edge refused it at once', async () => {
    await using at = await submissionAtEdge();
    at.edge.script.set('early send/raw', () => problem(403, 'missing_scope'));
    const talk = await SmtpTalk.open(at.port);
    await talk.logIn();
    await talk.beginMessage();
    await talk.pour(mib, 4);
    expect(await talk.say('.')).toMatch(/^550 5\.7\.1 /);
    expect(await talk.say('NOOP')).toMatch(/^250 /);
  });

  it('stays with the client when the edge goes down during DATA, and is not sent twice', async () => {
    await using at = await submissionAtEdge();
    const talk = await SmtpTalk.open(at.port);
    await talk.logIn();
    await talk.beginMessage();
    await talk.pour(mib, 2);
    await at.edge.stop();
    await talk.pour(mib, 1);
    expect(await talk.say('.')).toMatch(/^451 4\.3\.0 /);
    await at.edge.start();
    await talk.beginMessage();
    expect(await talk.say('Subject: again\r\n\r\nx\r\n.')).toMatch(queued);
    expect(at.edge.accepted.map((message) => message.raw.toString())).toEqual([
      'Subject: again\r\n\r\nx\r\n',
    ]);
  });

  it('leaves nothing at the edge when the client goes away before the final dot', async () => {
    await using at = await submissionAtEdge();
    const talk = await SmtpTalk.open(at.port);
    await talk.logIn();
    await talk.beginMessage();
    await talk.pour(mib, 1);
    talk.drop();
    await at.edge.until((edge) => edge.brokenOff === 1);
    expect(at.edge.accepted).toEqual([]);
  });

  it('of 26 MiB gets 552, and leaves nothing at the edge', async () => {
    await using at = await submissionAtEdge();
    const talk = await SmtpTalk.open(at.tlsPort, { tls: true });
    await talk.logIn();
    expect(await talk.say('MAIL FROM:<a@example.com> SIZE=27262976')).toMatch(/^552 5\.3\.4 /);
    await talk.beginMessage();
    await talk.pour(mib, 26);
    expect(await talk.say('.')).toMatch(/^552 5\.3\.4 /);
    await at.edge.until((edge) => edge.brokenOff === 1);
    expect(at.edge.accepted).toEqual([]);
  });

  it.each([
    'a\n.\nMAIL FROM:<evil@example.com>\r\n',
    'a\n.\r\nMAIL FROM:<evil@example.com>\r\n',
    'a\r\n.\nMAIL FROM:<evil@example.com>\r\n',
    'a\r.\rMAIL FROM:<evil@example.com>\r\n',
    'a\r\n.\rMAIL FROM:<evil@example.com>\r\n',
    'a\r.\r\nMAIL FROM:<evil@example.com>\r\n',
    'a\n.\rMAIL FROM:<evil@example.com>\r\n',
    'a\r.\nMAIL FROM:<evil@example.com>\r\n',
    'a\n..\nMAIL FROM:<evil@example.com>\r\n',
    '.\nMAIL FROM:<evil@example.com>\r\n',
    'a\n.\r\n',
    'a\r\n.\r',
  ])('with a smuggled end of data (%j) gets 550, and leaves nothing at the edge', async (body) => {
    await using at = await submissionAtEdge();
    const talk = await SmtpTalk.open(at.port);
    await talk.logIn();
    await talk.beginMessage();
    talk.write(`${body}\r\n.\r\n`);
    expect(await talk.reply()).toMatch(/^550 5\.5\.2 /);
    expect(await talk.say('NOOP')).toMatch(/^250 /);
    expect(at.edge.accepted).toEqual([]);
  });
});

describe('submission: the envelope', () => {
  it('has at most 50 recipients; the others are put off and the message goes to the first', async () => {
    await using at = await submissionAtEdge();
    const talk = await SmtpTalk.open(at.port);
    await talk.logIn();
    await talk.say('MAIL FROM:<a@example.com>');
    for (let i = 0; i < 50; i++) expect(await talk.say(`RCPT TO:<r${i}@example.net>`)).toMatch(/^250 /);
    expect(await talk.say('RCPT TO:<r50@example.net>')).toMatch(/^452 4\.5\.3 /);
    await talk.say('DATA');
    expect(await talk.say('Subject: x\r\n\r\nx\r\n.')).toMatch(queued);
    expect(at.edge.accepted[0]?.query.getAll('rcpt_to')).toHaveLength(50);
  });

  it.each([
    'a@localhost',
    'postmaster',
    'a@1.2.3.4',
    'a@-x.example',
    `${'l'.repeat(65)}@example.net`,
    `a@${'d'.repeat(64)}.example`,
    'a@xn--a-ecp\u00df.example\u3002',
  ])('is judged at RCPT: <%s> is refused there, and the good ones go', async (bad) => {
    await using at = await submissionAtEdge();
    const talk = await SmtpTalk.open(at.port);
    await talk.logIn();
    await talk.say('MAIL FROM:<a@example.com> SMTPUTF8');
    expect(await talk.say('RCPT TO:<one@example.net>')).toMatch(/^250 /);
    expect(await talk.say(Buffer.from(`RCPT TO:<${bad}>`).toString('latin1'))).toMatch(/^501 5\.1\.3 /);
    expect(await talk.say('RCPT TO:<two@example.net>')).toMatch(/^250 /);
    await talk.say('DATA');
    expect(await talk.say('Subject: x\r\n\r\nx\r\n.')).toMatch(queued);
    expect(at.edge.accepted[0]?.query.getAll('rcpt_to')).toEqual(['one@example.net', 'two@example.net']);
  });

  it('may have quoted local parts, with whatever RFC 5321 lets stand in them', async () => {
    await using at = await submissionAtEdge();
    const talk = await SmtpTalk.open(at.port);
    await talk.logIn();
    expect(await talk.say('MAIL FROM:<"shop > x"@example.com> SIZE=100')).toMatch(/^250 /);
    const quoted = ['"a b"@example.net', '"a@b"@example.net', '"a\\"<>:"@example.net'];
    for (const address of quoted) expect(await talk.say(`RCPT TO:<${address}>`)).toMatch(/^250 /);
    expect(await talk.say('RCPT TO:<@relay.example:"c d"@example.net>')).toMatch(/^250 /);
    for (const bad of ['"a b@example.net', '"a"b@example.net', '"a b"@localhost', '"a b"'])
      expect(await talk.say(`RCPT TO:<${bad}>`)).toMatch(/^501 /);
    await talk.say('DATA');
    expect(await talk.say('Subject: x\r\n\r\nx\r\n.')).toMatch(queued);
    expect(at.edge.accepted[0]?.query.get('mail_from')).toBe('"shop > x"@example.com');
    expect(at.edge.accepted[0]?.query.getAll('rcpt_to')).toEqual([...quoted, '"c d"@example.net']);
  });

  it('is judged at MAIL too', async () => {
    await using at = await submissionAtEdge();
    const talk = await SmtpTalk.open(at.port);
    await talk.logIn();
    expect(await talk.say('MAIL FROM:<root@localhost>')).toMatch(/^501 5\.1\.7 /);
    expect(await talk.say('MAIL FROM:<root@example.com>')).toMatch(/^250 /);
  });

  it('keeps recipients apart that differ in case, and names each of them once', async () => {
    await using at = await submissionAtEdge();
    const talk = await SmtpTalk.open(at.port);
    await talk.logIn();
    await talk.say('MAIL FROM:<a@example.com>');
    for (const address of ['Case@example.net', 'case@example.net', 'case@EXAMPLE.net', 'Case@example.net']) {
      expect(await talk.say(`RCPT TO:<${address}>`)).toMatch(/^250 /);
    }
    await talk.say('DATA');
    expect(await talk.say('Subject: x\r\n\r\nx\r\n.')).toMatch(queued);
    expect(at.edge.accepted[0]?.query.getAll('rcpt_to')).toEqual(['Case@example.net', 'case@example.net']);
  });

  it.each(['RSET', 'EHLO again.example'])('begins anew after %s', async (command) => {
    await using at = await submissionAtEdge();
    const talk = await SmtpTalk.open(at.port);
    await talk.logIn();
    await talk.say('MAIL FROM:<a@example.com>');
    await talk.say('RCPT TO:<forgotten@example.net>');
    await talk.say(command);
    await talk.beginMessage();
    expect(await talk.say('Subject: x\r\n\r\nx\r\n.')).toMatch(queued);
    expect(at.edge.accepted[0]?.query.getAll('rcpt_to')).not.toContain('forgotten@example.net');
  });

  it.each([
    ['', null],
    [' REQUIRETLS', 'true'],
  ])('tells the edge whether the client said REQUIRETLS (%j)', async (parameter, told) => {
    await using at = await submissionAtEdge();
    const talk = await SmtpTalk.open(at.port);
    await talk.logIn();
    expect(await talk.say(`MAIL FROM:<a@example.com>${parameter}`)).toMatch(/^250 /);
    await talk.say('RCPT TO:<b@example.net>');
    await talk.say('DATA');
    expect(await talk.say('Subject: x\r\n\r\nx\r\n.')).toMatch(queued);
    expect(at.edge.accepted[0]?.query.get('require_tls')).toBe(told);
  });

  it.each([
    ['', null],
    [' SMTPUTF8', 'true'],
  ])('tells the edge whether the client said SMTPUTF8 (%j)', async (parameter, told) => {
    await using at = await submissionAtEdge();
    const talk = await SmtpTalk.open(at.port);
    await talk.logIn();
    await talk.say(`MAIL FROM:<a@example.com>${parameter}`);
    await talk.say('RCPT TO:<b@example.net>');
    await talk.say('DATA');
    expect(await talk.say('Subject: x\r\n\r\nx\r\n.')).toMatch(queued);
    expect(at.edge.accepted[0]?.query.get('smtputf8')).toBe(told);
  });

  it.each([
    ['MAIL FROM:<\xc3\xa9@example.com>', /^553 5\.6\.7 /],
    ['MAIL FROM:<\xc3\xa9@example.com> SMTPUTF8', /^250 2\.1\.0 /],
    ['MAIL FROM:<>', /^250 2\.1\.0 /],
    ['MAIL FROM:<no address>', /^501 5\.1\.7 /],
    ['RCPT TO:<b@example.net>', /^503 5\.5\.1 /],
    ['DATA', /^503 5\.5\.1 /],
    ['VRFY somebody', /^252 /],
    ['EXPN list', /^502 5\.5\.1 /],
    ['WIZ', /^500 5\.5\.2 /],
    ['XCLIENT ADDR=192.0.2.1', /^500 5\.5\.2 /],
  ])('%j is answered %s', async (line, reply) => {
    await using at = await submissionAtEdge();
    const talk = await SmtpTalk.open(at.port);
    await talk.logIn();
    expect(await talk.say(line)).toMatch(reply);
  });
});

describe('submission: clients that take too much', () => {
  it('turns away connections of one address over its limit, until one is closed', async () => {
    await using at = await submissionAtEdge({ connectionsPerAddress: 2 });
    const first = await SmtpTalk.open(at.port);
    await SmtpTalk.open(at.port);
    const third = await SmtpTalk.open(at.port);
    expect(await third.reply()).toBe('closed');
    expect(await first.say('QUIT')).toMatch(/^221 /);
    expect(await first.reply()).toBe('closed');
    const fourth = await SmtpTalk.open(at.port);
    expect(await fourth.say('EHLO client.example')).toMatch(/^250/);
  });

  it('disconnects a silent client', async () => {
    await using at = await submissionAtEdge({ idleMs: 1500 });
    const talk = await SmtpTalk.open(at.port);
    expect(await talk.reply()).toMatch(/^421 4\.4\.2 /);
    expect(await talk.reply()).toBe('closed');
  });

  it('disconnects a client that stalls in DATA, and leaves nothing at the edge', async () => {
    await using at = await submissionAtEdge({ idleMs: 1500 });
    const talk = await SmtpTalk.open(at.port);
    await talk.logIn();
    await talk.beginMessage();
    await talk.pour(mib, 1);
    expect(await talk.reply()).toMatch(/^421 4\.4\.2 /);
    await at.edge.until((edge) => edge.brokenOff === 1);
    expect(at.edge.accepted).toEqual([]);
  });

  it('asks nothing of the edge for a small message until it is complete', async () => {
    await using at = await submissionAtEdge({ idleMs: 500 });
    const talk = await SmtpTalk.open(at.port);
    await talk.logIn();
    await talk.beginMessage();
    talk.write('Subject: x\r\n\r\nhalf');
    expect(await talk.reply()).toMatch(/^421 4\.4\.2 /);
    const again = await SmtpTalk.open(at.port);
    await again.logIn();
    await again.beginMessage();
    again.write('Subject: y\r\n\r\nwhole');
    expect(await again.say('\r\n.')).toMatch(/^250 /);
    const uploads = at.edge.asked.filter(({ path }) => path === 'send/raw');
    expect(uploads.map(({ headers }) => headers['content-length'])).toEqual(['21']);
    expect(at.edge.brokenOff).toBe(0);
  });

  it('disconnects a client that trickles for longer than a message may take', async () => {
    await using at = await submissionAtEdge({ dataMs: 400 });
    const talk = await SmtpTalk.open(at.port);
    await talk.logIn();
    await talk.beginMessage();
    await talk.pour(mib, 1);
    const trickle = setInterval(() => talk.write('x\r\n'), 20);
    expect(await talk.reply()).toMatch(/^421 4\.4\.2 /);
    clearInterval(trickle);
    await at.edge.until((edge) => edge.brokenOff === 1);
    expect(at.edge.accepted).toEqual([]);
  });
});

describe('submission: stopping', () => {
  it('lets a message in transfer come to its end and turns the others away', async () => {
    await using at = await submissionAtEdge();
    const busy = await SmtpTalk.open(at.port);
    await busy.logIn();
    await busy.beginMessage();
    busy.write('Subject: x\r\n\r\n');
    const idle = await SmtpTalk.open(at.port);
    const stopped = at.submission.stop(20_000);
    expect(await idle.reply()).toMatch(/^421 /);
    expect(await busy.say('x\r\n.')).toMatch(queued);
    await stopped;
    expect(at.edge.accepted).toHaveLength(1);
  });
});
