import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ensureSelfSigned, readPair } from '../../smtp-node/submission/certificate.ts';
import { selfSigned } from '../../smtp-node/submission/self-signed.ts';
import { SmtpTalk } from '../support/smtp-talk.ts';
import { freshDirectory, submissionAtEdge } from '../support/submission.ts';

const dayMs = 86_400_000;

describe('self-signed certificate', () => {
  it('is a valid certificate of the host name, signed by its own key', () => {
    const { cert, key } = selfSigned('mail.example.com', Date.UTC(2049, 6, 1));
    const certificate = new X509Certificate(cert);
    expect(certificate.checkHost('mail.example.com')).toBe('mail.example.com');
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.checkPrivateKey(createPrivateKey(key))).toBe(true);
    expect(certificate.validToDate.toISOString()).toBe('2050-07-01T00:00:00.000Z');
  });

  it('takes a host name of any length', () => {
    const hostName = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.example`;
    expect(new X509Certificate(selfSigned(hostName, 0).cert).checkHost(hostName)).toBe(hostName);
  });

  it('is kept from start to start, and made anew for another name or when it ends soon', async () => {
    const directory = await freshDirectory();
    const nowMs = Date.now();
    const read = async (hostName: string, atMs: number) =>
      (await readPair(await ensureSelfSigned(directory, hostName, atMs))).cert;
    const first = await read('one.example', nowMs);
    expect(await read('one.example', nowMs + 300 * dayMs)).toBe(first);
    const late = await read('one.example', nowMs + 340 * dayMs);
    expect(late).not.toBe(first);
    expect(await read('two.example', nowMs)).not.toBe(late);
  });
});

describe('certificate files', () => {
  it('are read again when they change, and open connections stay', async () => {
    const directory = await freshDirectory();
    const [certFile, keyFile] = [join(directory, 'cert.pem'), join(directory, 'key.pem')];
    const put = async (hostName: string) => {
      const { cert, key } = selfSigned(hostName, Date.now());
      await writeFile(keyFile, key);
      await writeFile(certFile, cert);
    };
    await put('old.example');
    await using at = await submissionAtEdge({
      tlsCertificateFile: certFile,
      tlsKeyFile: keyFile,
      certificateCheckMs: 20,
    });
    const nameAt = async () => {
      const talk = await SmtpTalk.open(at.port);
      await talk.say('EHLO client.example');
      const name = (await talk.startTls()).getPeerX509Certificate()?.subject;
      talk.drop();
      return name;
    };
    const open = await SmtpTalk.open(at.tlsPort, { tls: true });
    expect(await nameAt()).toBe('CN=old.example');
    await put('new.example');
    await expect.poll(nameAt, { timeout: 10_000 }).toBe('CN=new.example');
    expect(await open.say('EHLO client.example')).toMatch(/^250/);
  });

  it('that do not belong together are refused', async () => {
    const directory = await freshDirectory();
    const [certFile, keyFile] = [join(directory, 'cert.pem'), join(directory, 'key.pem')];
    await writeFile(certFile, selfSigned('one.example', Date.now()).cert);
    await writeFile(keyFile, selfSigned('one.example', Date.now()).key);
    await expect(readPair({ certFile, keyFile })).rejects.toThrow('does not belong');
    expect(await readFile(keyFile, 'utf8')).toContain('PRIVATE KEY');
  });
});
