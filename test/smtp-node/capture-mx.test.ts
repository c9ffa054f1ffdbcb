import { once } from 'node:events';
import { request } from 'node:http';
import { networkInterfaces } from 'node:os';
import { describe, expect, it } from 'vitest';
import { startCaptureMx } from '../../smtp-node/standalone/capture-mx.ts';
import { selfSigned } from '../../smtp-node/submission/self-signed.ts';
import { SmtpTalk } from '../support/smtp-talk.ts';

async function statusOf(url: string, host: string): Promise<number | undefined> {
  const asked = request(url, { headers: { host } });
  asked.end();
  const [answer] = await once(asked, 'response');
  answer.resume();
  return answer.statusCode;
}

describe('the capture MX', () => {
  it('takes what RFC 5321 allows in an address', async () => {
    const capture = await startCaptureMx({ httpPort: 0, tls: selfSigned('localhost', Date.now()) });
    try {
      const talk = await SmtpTalk.open(capture.smtpPort);
      await talk.say('EHLO client.example');
      expect(await talk.say('MAIL FROM:<shop@example.com>')).toMatch(/^250 /);
      expect(await talk.say('RCPT TO:<"a b"@example.net>')).toMatch(/^250 /);
      await talk.say('DATA');
      expect(await talk.say('Subject: x\r\n\r\nx\r\n.')).toMatch(/^250 /);
      await talk.say('QUIT');
      expect(capture.messages()).toMatchObject([{ rcptTo: ['"a b"@example.net'] }]);
    } finally {
      await capture.stop();
    }
  });
});

describe('the list of captured mail, which asks nobody who they are (row 13)', () => {
  it('is on this machine only, and under its own names only', async () => {
    const capture = await startCaptureMx({ httpPort: 0, tls: selfSigned('localhost', Date.now()) });
    try {
      const { port, hostname } = new URL(capture.url);
      expect(hostname).toBe('127.0.0.1');
      for (const own of [`localhost:${port}`, `127.0.0.1:${port}`])
        expect(await statusOf(capture.url, own)).toBe(200);
      expect(await statusOf(capture.url, `rebound.example:${port}`)).toBe(421);
      const outside = Object.values(networkInterfaces())
        .flat()
        .flatMap((one) => (one && !one.internal && one.family === 'IPv4' ? [one.address] : []));
      for (const address of outside) {
        const refused = await statusOf(`http://${address}:${port}/`, `localhost:${port}`).catch(
          (error) => error.code,
        );
        expect(refused).toBe('ECONNREFUSED');
      }
    } finally {
      await capture.stop();
    }
  });
});
