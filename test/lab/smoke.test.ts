/** Proves the lab by clients and signers that are not the product: what the lab says can then be believed. */
import { generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { blackHole } from './hosts.ts';
import { recipientFaults } from './recipients.ts';
import { describeInLab } from './suite.ts';
import { swaks } from './swaks.ts';

const from = 'news@sending.test';

describeInLab('the mail lab', (lab) => {
  const tryTo = (to: string, options: { server?: string; tls?: boolean; data?: string } = {}) => {
    const subject = randomUUID();
    return swaks(lab, { from, to, subject, ...options }).then((result) => ({ ...result, subject }));
  };
  const accepted: typeof tryTo = async (to, options) => {
    const result = await tryTo(to, options);
    expect(result.ok, result.transcript).toBe(true);
    return result;
  };

  describe('DNS', () => {
    it.each([
      ['out.pennypost.test', 'A', '198.18.0.10'],
      ['out.pennypost.test', 'AAAA', 'fd98:18::10'],
      ['10.0.18.198.in-addr.arpa', 'PTR', 'out.pennypost.test.'],
      ['fallback.test', 'MX', '10 down.lab.test.'],
      ['nullmx.test', 'MX', '0 .'],
      ['nomx.test', 'A', '198.18.0.25'],
      ['v6only.test', 'MX', '10 mx6.lab.test.'],
    ])('answers %s %s', async (name, type, answer) => {
      expect(await lab.dns.resolve(name, type)).toContain(answer);
    });

    it.each([
      ['nothing.test', 'NOERROR'],
      ['no-such-domain.test', 'NXDOMAIN'],
      ['example.org', 'NXDOMAIN'],
      ['gone.danglingmx.test', 'NXDOMAIN'],
      ['servfail.test', 'SERVFAIL'],
    ])('says of %s: %s', async (name, status) => {
      expect(await lab.dns.status(name, 'MX')).toBe(status);
    });

    it('resolves the reverse name of an IPv6 address', async () => {
      const { stdout } = await lab.run('sender', 'dig', ['+short', '-x', 'fd98:18::10']);
      expect(stdout.trim()).toBe('out.pennypost.test.');
    });

    it('shows at once what a test publishes, changes and removes', async () => {
      await lab.dns.set('made.test', [{ name: '@', type: 'TXT', value: 'one' }]);
      expect(await lab.dns.resolve('made.test', 'TXT')).toEqual(['"one"']);
      await lab.dns.replace('made.test', '@', 'TXT', ['two']);
      expect(await lab.dns.resolve('made.test', 'TXT')).toEqual(['"two"']);
      await lab.dns.add('made.test', [{ name: 'bounce', type: 'CNAME', value: 'mx1.lab.test.' }]);
      expect(await lab.dns.resolve('bounce.made.test', 'A')).toEqual(['mx1.lab.test.', '198.18.0.25']);
      await lab.dns.remove('made.test');
      expect(await lab.dns.status('made.test', 'TXT')).toBe('NXDOMAIN');
    });

    it('is what a Node process in a host sees', async () => {
      const code = `require('dns').promises.resolveMx('fallback.test').then((r) => console.log(JSON.stringify(r)))`;
      const { stdout } = await lab.run('sender', process.execPath, ['-e', code]);
      expect(JSON.parse(stdout)).toContainEqual(
        expect.objectContaining({ exchange: 'mx1.lab.test', priority: 20 }),
      );
    });
  });

  describe('a host', () => {
    it('runs a program whose port the test reaches', async () => {
      const code = `require('http').createServer((q, r) => r.end(q.url)).listen(8787, '127.0.0.1', () => console.log('up'))`;
      const server = lab.spawn('sender', process.execPath, ['-e', code]);
      await new Promise((resolve) => server.stdout?.once('data', resolve));
      const { port, close } = await lab.forward('sender', 8787);
      const answer = await fetch(`http://127.0.0.1:${port}/hello`);
      expect(await answer.text()).toBe('/hello');
      await close();
      server.kill();
    });

    it('reaches nothing outside the lab', async () => {
      const { stdout } = await lab.run('sender', 'ip', ['route']);
      expect(stdout).not.toContain('default');
    });
  });

  describe('a server', () => {
    it('delivers accepted mail into a mailbox that can be read raw', async () => {
      const { subject } = await accepted('user@example.net', { tls: true });
      const mail = await lab.mailbox('mx1').waitFor({ subject });
      expect(mail).toMatchObject({ rcptTo: 'user@example.net', mailFrom: from });
      expect(mail.client).toMatchObject({ helo: 'out.pennypost.test', tls: true });
      expect(['198.18.0.10', 'fd98:18::10']).toContain(mail.client.ip);
    });

    it('accepts any recipient whose name starts with user', async () => {
      const { subject } = await accepted('user-b7+tag@example.net');
      expect((await lab.mailbox('mx1').waitFor({ subject })).rcptTo).toBe('user-b7+tag@example.net');
    });

    it('accepts a message of 36 MiB', async () => {
      const subject = randomUUID();
      const line = `${'x'.repeat(76)}\r\n`;
      const data = `Subject: ${subject}\r\nFrom: ${from}\r\n\r\n${line.repeat((36 * 1024 * 1024) / line.length)}`;
      expect((await swaks(lab, { from, to: 'user@example.net', data, args: ['--hide-all'] })).ok).toBe(true);
      const { raw } = await lab.mailbox('mx1').waitFor({ subject });
      expect(raw.length).toBeGreaterThan(35 * 1024 * 1024);
    });

    it('refuses an unknown user with 550 5.1.1', async () => {
      expect((await tryTo('nobody@example.net')).reply).toMatch(/^550 5\.1\.1 /);
    });

    it.each(Object.entries(recipientFaults))('answers %s@ as scripted', async (localPart, { at, reply }) => {
      const result = await tryTo(`${localPart}@example.net`);
      expect(result.ok).toBe(false);
      expect(result.reply).toContain(reply.slice(0, 9));
      expect(/^ -> DATA$/m.test(result.transcript)).toBe(at === 'DATA');
    });

    it('refuses to relay', async () => {
      const result = await tryTo('user@elsewhere.test', { server: 'mx1.lab.test' });
      expect(result.reply).toMatch(/^554 5\.7\.1 /);
    });

    it('greylists a new sender and takes the second try', async () => {
      const to = `user-${randomUUID()}@grey.test`;
      expect((await tryTo(to)).reply).toMatch(/^450 4\.2\.0 .*Greylisted/);
      await sleep(6_000);
      const second = await accepted(to);
      await lab.mailbox('grey').waitFor({ rcptTo: to, subject: second.subject });
    });

    it('can be reached by IPv6 alone', async () => {
      const { subject } = await accepted('user@v6only.test', { tls: true });
      expect((await lab.mailbox('mx6').waitFor({ subject })).client.ip).toBe('fd98:18::10');
    });

    it('takes mail of a domain without MX at its address', async () => {
      const { subject } = await accepted('user@nomx.test');
      await lab.mailbox('mx1').waitFor({ rcptTo: 'user@nomx.test', subject });
    });

    it('shows a certificate of the lab authority', async () => {
      const { stdout } = await startTls('mx1.lab.test');
      expect(stdout).toContain('Verification: OK');
    });

    it('shows an expired self-signed certificate, with which mail can still be sent', async () => {
      const { stdout, stderr } = await startTls('expired.lab.test');
      expect(stdout + stderr).toMatch(/self-signed certificate[\s\S]*certificate has expired/);
      const { subject } = await accepted('user@tlsexpired.test', { tls: true });
      expect((await lab.mailbox('expired').waitFor({ subject })).client.tls).toBe(true);
    });

    it('offers STARTTLS and breaks the handshake, and takes mail in the clear', async () => {
      const broken = await tryTo('user@tlsbroken.test', { tls: true });
      expect(broken).toMatchObject({ ok: false });
      expect(broken.transcript).toContain('220 2.0.0 Ready to start TLS');
      const { subject } = await accepted('user@tlsbroken.test');
      expect((await lab.mailbox('broken').waitFor({ subject })).client.tls).toBe(false);
    });

    it('offers no STARTTLS, no SMTPUTF8 and no 8BITMIME', async () => {
      const { transcript } = await accepted('user@plain.test');
      expect(transcript).toContain('SIZE 1048576');
      expect(transcript).not.toMatch(/STARTTLS|SMTPUTF8|8BITMIME|PIPELINING/);
    });

    it('takes one connection at a time where it is limited', async () => {
      const hold = lab.spawn('sender', process.execPath, [
        '-e',
        `require('net').connect(25, 'limited.lab.test').on('data', (d) => console.log(String(d)))`,
      ]);
      await new Promise((resolve) => hold.stdout?.once('data', resolve));
      const second = await tryTo('user@limited.test');
      hold.kill();
      expect(second.reply).toMatch(/^421 4\.7\.0 /);
    });

    it('refuses connections where nothing listens, and swallows them in the black hole', async () => {
      const connect = (address: string) =>
        lab.run(
          'sender',
          'swaks',
          ['--server', address, '--timeout', '2', '--from', from, '--to', 'user@x.test'],
          {
            mayFail: true,
          },
        );
      expect((await connect('down.lab.test')).stderr).toContain('refused');
      const started = Date.now();
      expect((await connect(blackHole)).code).not.toBe(0);
      expect(Date.now() - started).toBeGreaterThan(1_900);
    });

    it('hands relayed mail on, and reports by DSN what the next host refused', async () => {
      const { subject } = await accepted('user@relayed.test');
      await lab.mailbox('mx1').waitFor({ rcptTo: 'user@relayed.test', subject });
      const sender = `user-${randomUUID()}@example.net`;
      expect((await swaks(lab, { from: sender, to: 'nobody@relayed.test' })).ok).toBe(true);
      const dsn = await lab.mailbox('mx1').waitFor({ rcptTo: sender });
      expect(dsn.mailFrom).toBe('');
      expect(dsn.raw.toString()).toMatch(/^Status: 5\.1\.1$/m);
    });

    const startTls = (host: string) =>
      lab.run(
        'sender',
        'openssl',
        ['s_client', '-starttls', 'smtp', '-connect', `${host}:25`, '-CAfile', lab.caFile],
        { input: 'QUIT\r\n', mayFail: true },
      );
  });

  describe('the verifiers', () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const ed25519 = generateKeyPairSync('ed25519');

    beforeAll(async () => {
      await writeFile(keyFile('rsa'), rsa.privateKey.export({ type: 'pkcs1', format: 'pem' }), {
        mode: 0o600,
      });
      await writeFile(keyFile('ed'), rawKey(ed25519.privateKey, 'd'), { mode: 0o600 });
      await lab.dns.set('sending.test', [
        { name: '@', type: 'TXT', value: 'v=spf1 ip4:198.18.0.10 ip6:fd98:18::10 -all' },
        { name: 'rsa._domainkey', type: 'TXT', value: `v=DKIM1; k=rsa; p=${spki(rsa.publicKey)}` },
        {
          name: 'ed._domainkey',
          type: 'TXT',
          value: `v=DKIM1; k=ed25519; p=${rawKey(ed25519.publicKey, 'x')}`,
        },
      ]);
    });

    it('accept both signatures and the aligned SPF of mail from the sender', async () => {
      const mail = await send(await sign('ed', await sign('rsa', message())));
      const verdict = await lab.verifiers.verify(mail);
      const both = [
        { domain: 'sending.test', selector: 'ed', algorithm: 'ed25519-sha256', pass: true },
        { domain: 'sending.test', selector: 'rsa', algorithm: 'rsa-sha256', pass: true },
      ];
      expect(verdict).toMatchObject({ dkimpy: both, opendkim: both });
      expect(verdict.spf.result).toBe('pass');
      expect(verdict).toMatchObject({ spfAligned: true, dkimAligned: true });
    });

    it('refuse a body changed after signing', async () => {
      const signed = await sign('ed', await sign('rsa', message()));
      const mail = await send(signed.replace('Good day', 'Bad day'));
      const verdict = await lab.verifiers.verify(mail);
      const neither = [{ pass: false }, { pass: false }];
      expect(verdict).toMatchObject({ dkimpy: neither, opendkim: neither });
      expect(verdict.dkimAligned).toBe(false);
    });

    it('tell the one bad signature from the good one', async () => {
      const signed = await sign('ed', await sign('rsa', message()));
      const mail = await send(signed.replace('s=ed;', 's=gone;'));
      const verdict = await lab.verifiers.verify(mail);
      const onlyRsa = [
        { algorithm: 'ed25519-sha256', pass: false },
        { algorithm: 'rsa-sha256', pass: true },
      ];
      expect(verdict).toMatchObject({ dkimpy: onlyRsa, opendkim: onlyRsa });
    });

    it('refuse the SPF of a host that the domain does not name', async () => {
      const subject = randomUUID();
      await swaks(lab, { host: 'down', from, to: 'user@example.net', subject });
      const mail = await lab.mailbox('mx1').waitFor({ subject });
      expect((await lab.verifiers.verify(mail)).spf.result).toBe('fail');
    });

    it('see that an envelope sender of another domain is not aligned', async () => {
      const data = message();
      await swaks(lab, { from: 'b-1@pennypost.test', to: 'user@example.net', data });
      const mail = await lab.mailbox('mx1').waitFor({ subject: subjectOf(data) });
      expect((await lab.verifiers.verify(mail)).spfAligned).toBe(false);
    });

    const keyFile = (name: string) => join(lab.handle.dir, `${name}.key`);

    const sign = async (selector: 'rsa' | 'ed', data: string) => {
      const algorithm = selector === 'rsa' ? 'rsa-sha256' : 'ed25519-sha256';
      const script = new URL('sign.py', import.meta.url).pathname;
      const args = [script, 'sending.test', selector, algorithm, keyFile(selector)];
      return (await lab.run('sender', '/usr/bin/python3', args, { input: data })).stdout;
    };

    const send = async (data: string) => {
      const result = await swaks(lab, { from, to: 'user@example.net', data, tls: true });
      expect(result.ok, result.transcript).toBe(true);
      return await lab.mailbox('mx1').waitFor({ subject: subjectOf(data) });
    };
  });
});

const message = () =>
  [
    'From: News <news@sending.test>',
    'To: user@example.net',
    `Subject: ${randomUUID()}`,
    'Date: Thu, 01 Jan 2026 00:00:00 +0000',
    `Message-ID: <${randomUUID()}@sending.test>`,
    '',
    'Good day',
    '',
  ].join('\r\n');

const subjectOf = (data: string) => /^Subject: (\S+)/m.exec(data)?.[1] ?? '';

const spki = (key: KeyObject) => key.export({ type: 'spki', format: 'der' }).toString('base64');

/** RFC 8463: an Ed25519 key is published and kept as its 32 bytes in base64. */
function rawKey(key: KeyObject, member: 'd' | 'x'): string {
  return Buffer.from(`${key.export({ format: 'jwk' })[member]}`, 'base64url').toString('base64');
}
