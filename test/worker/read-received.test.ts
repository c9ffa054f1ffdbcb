import { describe, expect, it } from 'vitest';
import { readReceived } from '../../worker/received/read-received.ts';

const bytes = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));

/** What workerd decodes, which has fewer encodings than Node might: the same word in its charset, as base64. */
describe('charsets in workerd', () => {
  it.each([
    ['utf-8', 'w6nigqw=', 'é€'],
    ['iso-8859-1', '6Q==', 'é'],
    ['iso-8859-15', 'pA==', '€'],
    ['windows-1252', 'gA==', '€'],
    ['windows-1251', '7/Do4uXy', 'привет'],
    ['koi8-r', '0NLJ18XU', 'привет'],
    ['iso-8859-2', 'uqE=', 'şĄ'],
    ['iso-8859-7', '4eI=', 'αβ'],
    ['windows-1255', '+ezl7Q==', 'שלום'],
    ['windows-1256', 'x8c=', 'اا'],
    ['shift_jis', 'k/qWew==', '日本'],
    ['iso-2022-jp', 'GyRCRnxLXBsoQg==', '日本'],
    ['euc-jp', 'xvzL3A==', '日本'],
    ['gb2312', 'xOO6ww==', '你好'],
    ['gb18030', 'xOO6ww==', '你好'],
    ['big5', 'p0Gmbg==', '你好'],
    ['euc-kr', 'x9GxuQ==', '한국'],
    ['ks_c_5601-1987', 'x9GxuQ==', '한국'],
    ['tis-620', 'ytfN', 'สือ'],
  ])('%s', async (charset, content, expected) => {
    const head = `Subject: =?${charset}?B?${content}?=\r\nContent-Type: text/plain; charset="${charset}"`;
    const mail = await readReceived(
      bytes(`${head}\r\nContent-Transfer-Encoding: base64\r\n\r\n${content}\r\n`),
    );
    expect(mail.text).toBe(expected);
    expect(mail.subject).toBe(expected);
  });
});

it('takes a mail of 25 MiB apart in workerd', async () => {
  const head = 'Content-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n';
  const raw = new Uint8Array(25 * 1_048_576).fill(65);
  for (let at = head.length + 76; at < raw.length; at += 77) raw[at] = 10;
  raw.set(bytes(head));
  const { attachments } = await readReceived(raw);
  expect(attachments[0]?.filename).toBe('a.pdf');
  expect(attachments[0]?.content.length).toBeGreaterThan(19_000_000);
});
