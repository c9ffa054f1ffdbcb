import { describe, expect, it } from 'vitest';
import { type ImportedFile, importFormats, readImport } from '#domain/suppression/suppression-import.ts';

function read(...lines: string[]): ImportedFile {
  const file = readImport(lines.join('\r\n'), 1000);
  if (typeof file === 'string') throw new Error(file);
  return file;
}

/** Header row and a row of each export, and what they must come to. */
const samples: [format: string, lines: string[], email: string, reason: string, year: number | null][] = [
  [
    'pennypost',
    [
      'email,reason,scope,source,proof,message_id,created_at,expires_at',
      'a@b.example,complaint,account,feedback,,,2026-01-02T03:04:05.000Z,',
    ],
    'a@b.example',
    'complaint',
    2026,
  ],
  [
    'postmark',
    [
      'EmailAddress,SuppressionReason,Origin,CreatedAt',
      'a@b.example,SpamComplaint,Recipient,2024-05-01T10:00:00-05:00',
    ],
    'a@b.example',
    'complaint',
    2024,
  ],
  [
    'ses',
    ['EmailAddress,Reason,LastUpdateTime', 'a@b.example,BOUNCE,1714557600.5'],
    'a@b.example',
    'hard_bounce',
    2024,
  ],
  ['ses import', ['email,reason', 'a@b.example,COMPLAINT'], 'a@b.example', 'complaint', null],
  [
    'mailgun bounces',
    ['address,code,error,created_at', 'a@b.example,550,No such mailbox,"Fri, 21 Oct 2011 11:02:55 UTC"'],
    'a@b.example',
    'hard_bounce',
    2011,
  ],
  [
    'mailgun unsubscribes',
    ['address,tags,created_at', 'a@b.example,*,"Fri, 21 Oct 2011 11:02:55 UTC"'],
    'a@b.example',
    'unsubscribe',
    2011,
  ],
  [
    'mailgun complaints',
    ['address,created_at', 'a@b.example,"Fri, 21 Oct 2011 11:02:55 UTC"'],
    'a@b.example',
    'complaint',
    2011,
  ],
  [
    'sendgrid bounces',
    ['status,reason,email,created', '5.1.1,550 unknown,a@b.example,1443651125'],
    'a@b.example',
    'hard_bounce',
    2015,
  ],
  [
    'sendgrid spam reports',
    ['ip,email,created', '192.0.2.1,a@b.example,1443651125'],
    'a@b.example',
    'complaint',
    2015,
  ],
  [
    'sendgrid invalid emails',
    ['reason,email,created', 'Mail domain invalid,a@b.example,1443651125'],
    'a@b.example',
    'hard_bounce',
    2015,
  ],
  [
    'sendgrid unsubscribes',
    ['email,created', 'a@b.example,2024-05-01 10:00:00'],
    'a@b.example',
    'unsubscribe',
    2024,
  ],
  [
    'resend contacts',
    ['id,email,first_name,last_name,created_at,unsubscribed', '1,a@b.example,A,B,2024-05-01 10:00:00,true'],
    'a@b.example',
    'unsubscribe',
    2024,
  ],
  [
    'resend suppressions',
    ['id,email,origin,created_at', '1,a@b.example,bounced,2024-05-01T10:00:00Z'],
    'a@b.example',
    'hard_bounce',
    2024,
  ],
  ['addresses', ['Email', 'a@b.example'], 'a@b.example', 'manual', null],
  ['addresses', ['E-mail address', 'a@b.example'], 'a@b.example', 'manual', null],
  ['addresses', ['address', 'a@b.example'], 'a@b.example', 'manual', null],
];

describe('readImport', () => {
  it('has a sample for every format', () => {
    expect(samples.map(([format]) => format).sort()).toEqual(importFormats.map(({ name }) => name).sort());
  });

  it.each(samples)('knows an export of %s by its header row', (format, lines, email, reason, year) => {
    const file = read(...lines);
    expect(file).toMatchObject({ format, faults: [], rows: [{ line: 2, email, reason }] });
    const at = file.rows[0]?.createdAtMs ?? null;
    expect(at === null ? null : new Date(at).getUTCFullYear()).toBe(year);
  });

  it('knows a header row in any case, order and spelling', () => {
    expect(
      read('"Created At","EMAIL ADDRESS","Suppression-Reason"', ',a@b.example,HardBounce'),
    ).toMatchObject({
      format: 'postmark',
      rows: [{ email: 'a@b.example', reason: 'hard_bounce' }],
    });
  });

  it('leaves out contacts that have not unsubscribed', () => {
    expect(
      read('email,unsubscribed', 'a@b.example,false', 'c@d.example,TRUE').rows.map((row) => row.email),
    ).toEqual(['c@d.example']);
  });

  it('tells faults by line and keeps the other rows', () => {
    const file = read('email,reason', 'a@b.example,tired', 'c@d.example', 'e@f.example,manual');
    expect(file.faults.map((fault) => fault.line)).toEqual([2, 3]);
    expect(file.rows.map((row) => row.email)).toEqual(['e@f.example']);
  });

  it.each([
    ['', 'is empty'],
    ['name,phone\r\nA,1', 'has a header row that no known export has: name,phone'],
    ['a@b.example\r\n', 'has a header row that no known export has: a@b.example'],
  ])('says what is wrong with %j', (text, fault) => {
    expect(readImport(text, 10)).toBe(fault);
  });

  it.each([';', '\t', '|'])(
    'reads cells that %j parts, as spreadsheets of other languages write them',
    (separator) => {
      const file = read(
        ['email', 'reason', 'note, or so'].join(separator),
        ['a@b.example', 'bounce', '"x;y\t|"'].join(separator),
      );
      expect(file).toMatchObject({
        format: 'ses import',
        faults: [],
        rows: [{ email: 'a@b.example', reason: 'hard_bounce' }],
      });
    },
  );

  it('takes no list of contacts for one of suppressions', () => {
    expect(readImport('email,name\r\na@b.example,A\r\n', 10)).toContain('no known export');
  });

  it('takes rows that lack empty cells at the end, or have more of them', () => {
    const file = read('email,created,note', 'a@b.example', 'c@d.example,,,,');
    expect(file).toMatchObject({ faults: [], rows: [{ email: 'a@b.example' }, { email: 'c@d.example' }] });
  });

  const created = (text: string) => {
    const { rows, faults, remarks } = read('email;created', `a@b.example;${text}`);
    expect([rows.length, faults]).toEqual([1, []]);
    return { at: rows[0]?.createdAtMs ?? null, remarks };
  };
  it.each([
    ['2024-05-01', '2024-05-01T00:00:00Z'],
    ['2024-05-01 10:20', '2024-05-01T10:20:00Z'],
    ['2024/5/1 9:05:07', '2024-05-01T09:05:07Z'],
    ['25.05.2024', '2024-05-25T00:00:00Z'],
    ['05/25/2024', '2024-05-25T00:00:00Z'],
    ['31.12.2024 23:59', '2024-12-31T23:59:00Z'],
    ['05.05.2024', '2024-05-05T00:00:00Z'],
    ['1714557600123', '2024-05-01T10:00:00.123Z'],
    ['Wed, 01 May 2024 10:00:00 +0200', '2024-05-01T08:00:00Z'],
    ['1 May 2024 10:00:00', '2024-05-01T10:00:00Z'],
  ])('reads the time %s', (text, iso) => {
    expect(created(text)).toEqual({ at: Date.parse(iso), remarks: [] });
  });

  it.each([
    ['01.05.2024', 'could be of two days'],
    ['5/1/2024', 'could be of two days'],
    ['31.02.2024', 'cannot be read'],
    ['yesterday', 'cannot be read'],
    ['2024-13-01', 'cannot be read'],
  ])('keeps a row whose time %s says nothing, and tells why', (text, detail) => {
    const { at, remarks } = created(text);
    expect(at).toBeNull();
    expect(remarks).toEqual([{ line: 2, detail: expect.stringContaining(detail) }]);
  });

  it('leaves out a row whose end cannot be read: it might have ended', () => {
    const file = read('email,reason,scope,expires_at', 'a@b.example,manual,account,01.05.2024');
    expect(file).toMatchObject({
      rows: [],
      faults: [{ line: 2, detail: expect.stringContaining('two days') }],
    });
  });

  it('takes a bounded number of rows', () => {
    expect(readImport('email,created\r\na@b.example,\r\nc@d.example,\r\n', 1)).toBe(
      'has 2 rows; at most 1 are taken at once: split it',
    );
  });

  it('knows the words of its table, and no name that every object of JavaScript has', () => {
    for (const word of ['constructor', 'toString', '__proto__']) {
      const file = read('email,reason', `a@b.example,${word}`);
      expect([file.rows, file.faults]).toEqual([
        [],
        [{ line: 2, detail: expect.stringContaining('is not known') }],
      ]);
    }
  });

  it('takes nothing from a column without a name', () => {
    const [row] = read(',email,reason', '17,a@b.example,BOUNCE').rows;
    expect(row).toMatchObject({ email: 'a@b.example', scope: '', createdAtMs: null, expiresAtMs: null });
  });

  it('refuses a header row of many columns, which each row would cost', () => {
    expect(readImport(`email,created${',x'.repeat(99)}\r\na@b.example\r\n`, 10)).toBe(
      'has more than 100 columns',
    );
  });
});
