import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { noVerdicts, type Verdicts } from '#domain/inbound/verdicts.ts';
import type { InboundDoor } from '#domain/node-contract.ts';
import type { InboundOptions } from '../../smtp-node/inbound/server.ts';
import { problem } from '../support/fake-edge.ts';
import { inboundAtEdge, known } from '../support/inbound.ts';
import { SmtpTalk } from '../support/smtp-talk.ts';
import { freshDirectory } from '../support/submission.ts';

const someone = 'someone@in.example.com';
const mail = 'From: a@example.net\r\nSubject: Hello\r\nMessage-ID: <1@example.net>\r\n\r\nHello\r\n';

const open: Extract<InboundDoor, { door: 'received' }> = {
  door: 'received',
  group: '1',
  synchronous: false,
  refuseDmarc: false,
  senders: null,
  authorize: false,
};

async function at(more: Partial<InboundOptions> = {}, verdicts: Partial<Verdicts> = {}) {
  const fixture = await inboundAtEdge({
    judge: async () => ({
      verdicts: { ...noVerdicts, ...verdicts },
      authResults: 'mail.example.com; spf=none',
    }),
    ...more,
  });
  fixture.edge.doors.set(someone, open);
  return fixture;
}

async function begin(talk: SmtpTalk, rcptTo = someone, mailFrom = 'a@example.net'): Promise<string> {
  await talk.say('EHLO client.example.net');
  await talk.say(`MAIL FROM:<${mailFrom}>`);
  return await talk.say(`RCPT TO:<${rcptTo}>`);
}

async function deliver(talk: SmtpTalk, content = mail): Promise<string> {
  expect(await talk.say('DATA')).toMatch(/^354 /);
  talk.write(content);
  return await talk.say('\r\n.');
}

describe('mail for a domain that receives', () => {
  it('is handed over with envelope, session, verdicts and trace fields', async () => {
    await using fixture = await at();
    const talk = await SmtpTalk.open(fixture.port);
    expect(await begin(talk)).toMatch(/^250 2\.1\.5 /);
    expect(await deliver(talk)).toMatch(/^250 2\.\d\.\d Taken as [0-9a-f-]{36}$/);
    const [[id, { head, raw }] = [] as never] = [...fixture.edge.received];
    expect(head).toMatchObject({
      id,
      group: '1',
      mailFrom: 'a@example.net',
      rcptTo: [someone],
      remoteIp: '127.0.0.1',
      helo: 'client.example.net',
      tls: false,
      verdicts: noVerdicts,
    });
    expect(raw).toMatch(
      new RegExp(
        `^Received: from client\\.example\\.net \\(\\[127\\.0\\.0\\.1\\]\\)\r\n\tby mail\\.example\\.com \\(Pennypost\\) with ESMTP id ${id}\r\n\tfor <someone@in\\.example\\.com>;\r\n\t.*\\+0000\r\nAuthentication-Results: mail\\.example\\.com; spf=none\r\nFrom: `,
      ),
    );
    expect(raw.endsWith(`${mail}\r\n`)).toBe(true);
  });

  it('says over TLS that it came so', async () => {
    await using fixture = await at();
    const talk = await SmtpTalk.open(fixture.port);
    await talk.say('EHLO client.example.net');
    await talk.startTls();
    await begin(talk);
    await deliver(talk);
    const [one] = [...fixture.edge.received.values()];
    expect(one?.head.tls).toBe(true);
    expect(one?.raw).toContain('with ESMTPS id');
  });

  it('takes fifty recipients, and says 452 to the next', async () => {
    await using fixture = await at();
    const talk = await SmtpTalk.open(fixture.port);
    await begin(talk);
    const replies: string[] = [];
    for (let i = 1; i <= 50; i++) {
      fixture.edge.doors.set(`${i}@in.example.com`, open);
      replies.push((await talk.say(`RCPT TO:<${i}@in.example.com>`)).slice(0, 9));
    }
    expect(new Set(replies.slice(0, 49))).toEqual(new Set(['250 2.1.5']));
    expect(replies[49]).toBe('452 4.5.3');
    await deliver(talk);
    expect([...fixture.edge.received.values()][0]?.head.rcptTo).toHaveLength(50);
  });

  it.each([
    ['of another account', { ...open, group: '2' } as InboundDoor],
    ['at a return path', { door: 'returned' } as InboundDoor],
  ])('asks for a mail of its own to a recipient %s', async (_, door) => {
    await using fixture = await at();
    fixture.edge.doors.set('other@out.example.com', door);
    const talk = await SmtpTalk.open(fixture.port);
    await begin(talk);
    expect(await talk.say('RCPT TO:<other@out.example.com>')).toMatch(/^452 4\.5\.3 /);
    expect(await deliver(talk)).toMatch(/^250 /);
    expect([...fixture.edge.received.values()][0]?.head.rcptTo).toEqual([someone]);
    expect(await begin(talk, 'other@out.example.com')).toMatch(/^250 /);
  });

  it.each([
    ['550 5.1.1', 'no rule takes it'],
    ['550 5.1.2', 'the domain is not ours'],
    ['451 4.3.0', 'later'],
  ])('says %s as the edge does', async (reply, text) => {
    await using fixture = await at();
    fixture.edge.doors.set('nobody@in.example.com', { door: 'refused', reply, text });
    const talk = await SmtpTalk.open(fixture.port);
    expect(await begin(talk, 'nobody@in.example.com')).toBe(`${reply} ${text}`);
  });

  it('takes mail of the senders alone that the edge names, whatever their case', async () => {
    await using fixture = await at();
    const door = { ...open, synchronous: true, senders: ['bob@home.example'] };
    fixture.edge.doors.set('reply+abc@in.example.com', door);
    const talk = await SmtpTalk.open(fixture.port);
    for (const other of ['a@example.net', 'bob@home.example.net', '']) {
      expect(await begin(talk, 'reply+abc@in.example.com', other)).toMatch(/^550 5\.7\.1 Only the owner/);
    }
    expect(await begin(talk, 'reply+abc@in.example.com', 'Bob@Home.example')).toMatch(/^250 /);
    expect(await deliver(talk)).toMatch(/^250 /);
    expect(fixture.edge.received.size).toBe(1);
  });

  it('asks the edge once for an address that many mails come to', async () => {
    await using fixture = await at();
    const talk = await SmtpTalk.open(fixture.port);
    for (let i = 0; i < 3; i++) {
      await begin(talk);
      await deliver(talk, `${mail}${i}`);
    }
    expect(fixture.edge.paths().filter((path) => path === 'inbound/check')).toHaveLength(1);
    expect(fixture.edge.received.size).toBe(3);
  });

  it('asks at each RCPT where an endpoint wants to be asked, with SPF judged once a mail', async () => {
    let judged = 0;
    await using fixture = await at({
      senderPolicy: async ({ mailFrom }) => {
        judged += 1;
        return { result: 'softfail', domain: mailFrom.slice(mailFrom.indexOf('@') + 1) };
      },
    });
    const other = 'other@in.example.com';
    for (const address of [someone, other]) fixture.edge.doors.set(address, { ...open, authorize: true });
    const asked: unknown[] = [];
    fixture.edge.script.set('inbound/authorize', ({ json }) => {
      asked.push(json);
      const { to } = json as { to: string };
      const refusal = to === other ? { reply: '550 5.7.1', text: 'Not here' } : null;
      return { status: 200, body: { refusal } };
    });
    const talk = await SmtpTalk.open(fixture.port);
    await talk.say('EHLO client.example.net');
    await talk.say('MAIL FROM:<a@example.net> SIZE=1234');
    expect(await talk.say(`RCPT TO:<${someone}>`)).toMatch(/^250 /);
    expect(await talk.say(`RCPT TO:<${other}>`)).toBe('550 5.7.1 Not here');
    const session = {
      from: 'a@example.net',
      size: 1234,
      remoteIp: '127.0.0.1',
      helo: 'client.example.net',
      spf: { result: 'softfail', domain: 'example.net' },
    };
    expect(asked).toMatchObject([
      { to: someone, ...session },
      { to: other, ...session },
    ]);
    expect(judged).toBe(1);
    expect(await deliver(talk)).toMatch(/^250 /);
    await talk.say('MAIL FROM:<>');
    await talk.say(`RCPT TO:<${someone}>`);
    expect(judged).toBe(2);
    expect(asked.at(-1)).toMatchObject({ from: '', size: null });
    fixture.edge.script.set('inbound/authorize', () => 'drop');
    expect(await talk.say(`RCPT TO:<${someone}>`)).toMatch(/^451 4\.3\.0 /);
  });

  it('says 451 at RCPT while the edge is away', async () => {
    await using fixture = await at();
    fixture.edge.script.set('inbound/check', () => 'drop');
    const talk = await SmtpTalk.open(fixture.port);
    expect(await begin(talk)).toMatch(/^451 4\.3\.0 /);
  });

  it('takes 25 MiB, and no more', async () => {
    await using fixture = await at();
    const line = `${'x'.repeat(1022)}\r\n`;
    const talk = await SmtpTalk.open(fixture.port);
    await begin(talk);
    expect(await deliver(talk, line.repeat(25 * 1024 - 1))).toMatch(/^250 /);
    await begin(talk);
    expect(await deliver(talk, line.repeat(25 * 1024 + 1))).toMatch(/^552 5\.3\.4 /);
    expect(fixture.edge.received.size).toBe(1);
    expect(await talk.say(`MAIL FROM:<> SIZE=${25 * 1024 * 1024 + 1}`)).toMatch(/^552 /);
  });

  it.each([
    ['51 hosts', 'Received: from a by b; x\r\n'.repeat(51)],
    ['its recipient before', `Delivered-To: <${someone.toUpperCase()}>\r\n`],
  ])('stops a loop that has passed %s', async (_, trace) => {
    await using fixture = await at();
    const talk = await SmtpTalk.open(fixture.port);
    await begin(talk);
    expect(await deliver(talk, trace + mail)).toMatch(/^554 5\.4\.6 Loop: /);
    await begin(talk);
    expect(await deliver(talk, 'Received: from a by b; x\r\n'.repeat(50) + mail)).toMatch(/^250 /);
    expect(fixture.edge.received.size).toBe(1);
  });

  const failed = { ...noVerdicts.dmarc, result: 'fail', domain: 'example.net', policy: 'reject' } as const;

  it.each([
    ['refuses it where the rule says so', true, failed, /^550 5\.7\.1 example\.net asks .*9989/],
    ['takes it where the rule does not', false, failed, /^250 /],
    ['takes it when the policy is none', true, { ...failed, policy: 'none' as const }, /^250 /],
    ['takes it when it passes', true, { ...failed, result: 'pass' as const }, /^250 /],
  ])('that fails DMARC: %s', async (_, refuseDmarc, dmarc, reply) => {
    await using fixture = await at({}, { dmarc });
    fixture.edge.doors.set(someone, { ...open, refuseDmarc });
    const talk = await SmtpTalk.open(fixture.port);
    await begin(talk);
    expect(await deliver(talk)).toMatch(reply);
  });

  it.each([
    [
      'edge',
      { status: 200, body: { refusal: { reply: '554 5.7.1', text: 'Not today' } } },
      '554 5.7.1 Not today',
    ],
    ['edge, in an unknown way', problem(413, 'too_large'), '451 4.3.0'],
  ])('that the %s refuses is refused, and not kept', async (_, answer, reply) => {
    await using fixture = await at();
    fixture.edge.script.set('received', () => answer);
    const talk = await SmtpTalk.open(fixture.port);
    await begin(talk);
    expect(await deliver(talk)).toContain(reply);
    expect(await readdir(join(fixture.dataDirectory, 'received'))).toEqual([]);
  });

  it('is taken to disk when the edge goes away, and handed over once it is back', async () => {
    await using fixture = await at();
    let tries = 0;
    fixture.edge.script.set('received', () => (++tries < 3 ? 'drop' : null));
    const talk = await SmtpTalk.open(fixture.port);
    await begin(talk);
    const reply = await deliver(talk);
    expect(reply).toMatch(/^250 /);
    await fixture.edge.until(({ received }) => received.size === 1);
    expect(reply).toContain([...fixture.edge.received.keys()][0]);
    await expect.poll(() => readdir(join(fixture.dataDirectory, 'received'))).toEqual([]);
  });

  it('waits for the answer of a synchronous endpoint and keeps nothing without one', async () => {
    await using fixture = await at();
    fixture.edge.doors.set(someone, { ...open, synchronous: true });
    fixture.edge.script.set('received', () => 'drop');
    const talk = await SmtpTalk.open(fixture.port);
    await begin(talk);
    expect(await deliver(talk)).toMatch(/^451 4\.3\.0 /);
    expect(await readdir(join(fixture.dataDirectory, 'received'))).toEqual([]);
    fixture.edge.script.delete('received');
    await begin(talk);
    expect(await deliver(talk)).toMatch(/^250 /);
  });

  it('that a node had taken when it died is handed over under its id, and known when it is brought again', async () => {
    const dataDirectory = await freshDirectory();
    // What a node that is killed between counting and replying leaves behind.
    const left = await at({ dataDirectory });
    left.edge.script.set('received', () => 'drop');
    const talk = await SmtpTalk.open(left.port);
    await begin(talk);
    await deliver(talk);
    await left[Symbol.asyncDispose]();
    const names = await readdir(join(dataDirectory, 'received'));
    expect(names).toHaveLength(2);
    const id = names[0]?.slice(0, 36) ?? '';

    await using again = await at({ dataDirectory });
    await again.edge.until(({ received }) => received.size === 1);
    expect([...again.edge.received.keys()]).toEqual([id]);
    const second = await SmtpTalk.open(again.port);
    await begin(second);
    expect(await deliver(second)).toContain(`Taken as ${id}`);
    await begin(second);
    expect(await deliver(second, `${mail}another`)).not.toContain(id);
    await again.edge.until(({ received }) => received.size === 2);
  });

  it('that was never said to count is removed when a node starts', async () => {
    const dataDirectory = await freshDirectory();
    const spool = join(dataDirectory, 'received');
    await mkdir(spool, { recursive: true });
    await writeFile(join(spool, 'half.eml'), mail);
    await writeFile(join(spool, 'broken.json'), '{"head":');
    await using fixture = await at({ dataDirectory });
    expect(await readdir(spool)).toEqual([]);
    expect(fixture.edge.paths()).toEqual([]);
  });

  it('is refused with the dot lines of SMTP smuggling', async () => {
    await using fixture = await at();
    const talk = await SmtpTalk.open(fixture.port);
    await begin(talk);
    expect(await deliver(talk, 'Subject: x\r\n\r\na\n.\r\nMAIL FROM:<x@example.com>')).toMatch(
      /^550 5\.5\.2 /,
    );
    expect(await readdir(join(fixture.dataDirectory, 'received'))).toEqual([]);
  });

  it('is not taken from whoever talks before the greeting', async () => {
    await using fixture = await at();
    const socket = connect(fixture.port, '127.0.0.1');
    socket.write(`EHLO a.example\r\nMAIL FROM:<a@example.net>\r\nRCPT TO:<${someone}>\r\nDATA\r\n`);
    const said = await text(socket);
    expect(said).toMatch(/^421 .* You talk too soon\r\n/);
    expect(said).not.toMatch(/^[23]/m);
    expect(fixture.edge.paths()).toEqual([]);
  });

  it('shares the port with return paths', async () => {
    await using fixture = await at();
    const talk = await SmtpTalk.open(fixture.port);
    await begin(talk, known, '');
    expect(await deliver(talk)).toMatch(/^250 2\.\d\.\d Taken$/);
    expect(fixture.edge.returned).toHaveLength(1);
    expect(fixture.edge.received.size).toBe(0);
  });

  it('keeps what waits private to its owner', async () => {
    await using fixture = await at();
    fixture.edge.script.set('received', () => 'drop');
    const talk = await SmtpTalk.open(fixture.port);
    await begin(talk);
    await deliver(talk);
    const spool = join(fixture.dataDirectory, 'received');
    const [json = ''] = (await readdir(spool)).filter((name) => name.endsWith('.json'));
    expect(JSON.parse(await readFile(join(spool, json), 'utf8'))).toMatchObject({
      head: { rcptTo: [someone] },
    });
  });
});
