import { describe, expect, it } from 'vitest';
import { fileNamesIn, isRefusedAttachment, refusedAttachments } from '#domain/message/attachment-name.ts';
import { attachedNames, TooManyParts } from '../../worker/intake/attached-names.ts';

describe('a file name', () => {
  it.each(
    refusedAttachments.flatMap((e) => [
      `a.${e}`,
      `A.${e.toUpperCase()}`,
      `a.pdf.${e}`,
      `a.${e}.`,
      `a.${e} . `,
      `.${e}`,
      `a.${e}\t`,
      `a.${e}\u00a0`,
      `a.${e}\u200b`,
      `a.\u202e${e}`,
      `a.${e}::$DATA`,
      `a.${e}:stream`,
      `a.pdf:b.${e}`,
      `dir/a.${e}`,
      `C:\\a.${e}`,
      `a.${e}\0.pdf`.replace('\0.pdf', '\0'),
      `a.${e}"`,
    ]),
  )('%j is refused', (filename) => expect(isRefusedAttachment(filename)).toBe(true));

  it.each([
    'a.pdf',
    'exe',
    'a.exe.pdf',
    'a.exes',
    'com',
    'example.com.txt',
    'a',
    '.',
    '',
    'Re: a.pdf',
    'a.exe-b',
  ])('%j is taken', (filename) => expect(isRefusedAttachment(filename)).toBe(false));
});

describe('the file names in a field', () => {
  it.each([
    ['attachment; filename="a.exe"', 'a.exe'],
    ['attachment; filename=a.exe', 'a.exe'],
    ['attachment; FileName = a b.exe', 'a b.exe'],
    ['attachment; filename="a.pdf"; filename="b.exe"', 'b.exe'],
    ['attachment; filename="a;b.exe"', 'a;b.exe'],
    ['attachment; filename="a.e\\xe"', 'a.exe'],
    ['attachment; filename="a".exe', 'a.exe'],
    ['attachment; filename="a.exe', 'a.exe'],
    ["attachment; filename*=utf-8''a%2Eexe", 'a.exe'],
    ["attachment; filename*=utf-8'en'a%2eexe", 'a.exe'],
    ['attachment; filename*0="a.e"; filename*1="xe"', 'a.exe'],
    ['attachment; filename*1="xe"; filename*0="a.e"', 'a.exe'],
    ["attachment; filename*0*=utf-8''a%2; filename*1*=Eexe", 'a.%2Eexe'.replace('a.', 'a')],
    ["attachment; filename*0*=utf-8''a%2E; filename*1=exe", 'a.exe'],
    ['attachment; filename="=?utf-8?B?YS5leGU=?="', 'a.exe'],
    ['attachment; filename="=?utf-8?Q?a=2Ee?= =?utf-8?Q?xe?="', 'a.exe'],
    ['attachment; filename=a.(comment)exe', 'a.exe'],
    ['text/html; charset=utf-8; name="a.exe"', 'a.exe'],
  ])('%s include %s', (value, name) => expect(fileNamesIn(value)).toContain(name));

  it('are none in other parameters', () => {
    expect(fileNamesIn('multipart/mixed; boundary="name=a.exe"; x-name=b.exe; type="text/plain"')).toEqual(
      [],
    );
  });
});

describe('the names of parts', () => {
  const mixed = (part: string) =>
    `Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nHi\r\n--b\r\n${part}\r\n--b--\r\n`;
  const evil = 'Content-Disposition: attachment; filename=evil.exe\r\n\r\nx';

  it.each([
    ['of a part', mixed(evil)],
    ['of the only part', evil],
    ['of a part whose name is in no field that begins with it', mixed(`X-A: b\r\n${evil}`)],
    ['of a folded field', mixed('Content-Disposition: attachment;\r\n\tfilename=evil.exe\r\n\r\nx')],
    ['in an attached message', mixed(`Content-Type: message/rfc822\r\n\r\nSubject: x\r\n${evil}`)],
    ['in a part of an attached message', mixed(`Content-Type: message/rfc822\r\n\r\n${mixed(evil)}`)],
    [
      'in an attached message that is encoded',
      mixed(
        `Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n${btoa(mixed(evil)).replace(/.{76}/g, '$&\r\n')}`,
      ),
    ],
    [
      'in an attached message that is quoted',
      mixed(
        `Content-Type: message/rfc822\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n${mixed(evil).replaceAll('=', '=3D')}`,
      ),
    ],
    ['behind a delimiter with white space', mixed(`x\r\n--b \t\r\n${evil}`)],
    ['behind a delimiter with a colon', `Content-Type: a/b\r\n\r\n--b:c\r\nX: y\r\n--b:c\r\n${evil}`],
  ])('%s are found', (_, message) => expect(attachedNames(message)).toContain('evil.exe'));

  it('are not looked for in text', () => {
    expect(
      attachedNames(
        'Content-Type: text/plain\r\n\r\nfilename=evil.exe\r\nContent-Disposition: a; filename=evil.exe\r\n',
      ),
    ).toEqual([]);
  });

  it.each([
    ['more than a thousand parts', mixed('').repeat(600)],
    ['more than a hundred containers', 'Content-Type: message/rfc822\r\n\r\n'.repeat(101)],
    ['a field of more than 64 KiB', `Content-Type: a/b;${' '.repeat(70_000)}\r\n\r\n`],
  ])('of %s are not looked for to the end', (_, message) => {
    expect(() => attachedNames(message)).toThrow(TooManyParts);
  });
});
