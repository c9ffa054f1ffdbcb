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

describe('the pages of captured mail', () => {
  const asPerson = async (url: string) => {
    const answer = await fetch(url, { headers: { Accept: 'text/html' } });
    return { status: answer.status, headers: answer.headers, text: await answer.text() };
  };
  const content = [
    'From: "<b>Shop</b>" <shop@example.com>',
    'To: you@example.net',
    'Subject: <img src=x onerror=alert(1)> receipt',
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary=b',
    '',
    '--b',
    'Content-Type: text/html; charset=utf-8',
    '',
    '<script>alert(1)</script><p>Thank you</p>',
    '--b',
    'Content-Type: text/plain; name="a <b>.txt"',
    'Content-Disposition: attachment; filename="a <b>.txt"',
    '',
    'attached',
    '--b--',
  ].join('\r\n');

  it('list it, show it as HTML, text and source, and run nothing of it', async () => {
    const capture = await startCaptureMx({ httpPort: 0, tls: selfSigned('localhost', Date.now()) });
    try {
      expect((await asPerson(capture.url)).text).toContain('No mail yet');
      const newest = async () => await (await fetch(`${capture.url}/newest`)).text();
      expect(await newest()).toBe('');
      const talk = await SmtpTalk.open(capture.smtpPort);
      await talk.say('EHLO client.example');
      for (const [to, body] of [
        ['you@example.net', content],
        ['other@example.net', 'Subject: Plain\r\n\r\nHello'],
      ]) {
        await talk.say('MAIL FROM:<b-token@bounces.example>');
        await talk.say(`RCPT TO:<${to}>`);
        await talk.say('DATA');
        await talk.say(`${body}\r\n.`);
      }
      await talk.say('QUIT');
      const [first, second] = capture.messages();
      expect(await newest()).toBe(second?.id);
      const list = await asPerson(capture.url);
      expect(list.text.indexOf('Plain')).toBeLessThan(list.text.indexOf('receipt'));
      expect(list.text).toContain('&lt;img src=x');
      expect(list.text).not.toContain('<img');
      expect(list.headers.get('Content-Security-Policy')).toMatch(/^default-src 'none'/);
      expect((await asPerson(`${capture.url}/?q=OTHER@`)).text).not.toContain('receipt');
      const at = `${capture.url}/${first?.id}`;
      const page = await asPerson(at);
      expect(page.text).toContain(`<iframe title="The mail as HTML" sandbox="" src="/${first?.id}/html">`);
      expect(page.text).not.toContain('<script>alert');
      expect(page.text).toContain('a &lt;b&gt;.txt');
      const html = await asPerson(`${at}/html`);
      expect(html.text).toContain('<p>Thank you</p>');
      expect(html.headers.get('Content-Security-Policy')).toMatch(/^sandbox; default-src 'none'/);
      expect((await asPerson(`${at}?view=source`)).text).toContain('Content-Type: multipart/mixed');
      expect((await asPerson(`${capture.url}/${second?.id}`)).text).toContain('<pre>Hello');
      const part = await fetch(`${at}/parts/0`);
      expect(part.headers.get('Content-Type')).toBe('application/octet-stream');
      expect((await part.text()).trim()).toBe('attached');
      for (const none of [`${at}/parts/1`, `${at}/parts/x`, `${at}/nonsense`, `${capture.url}/nobody`])
        expect([none, (await asPerson(none)).status]).toEqual([none, 404]);
      expect(await (await fetch(at)).text()).toContain('Subject: <img src=x');
      for (const path of [at, `${at}/raw`, `${at}/parts/0`])
        expect((await fetch(path)).headers.get('Content-Disposition')).toBe('attachment');
      expect(await (await fetch(`${at}/raw`)).text()).toBe(await (await fetch(at)).text());
      expect(await (await fetch(capture.url)).json()).toHaveLength(2);
    } finally {
      await capture.stop();
    }
  });
});
