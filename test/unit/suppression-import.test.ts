import { describe, expect, it } from 'vitest';
import { type ImportedFile, importFormats, readImport } from '#domain/suppression-import.ts';

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

  it('takes a bounded number of rows', () => {
    expect(readImport('email,created\r\na@b.example,\r\nc@d.example,\r\n', 1)).toBe(
      'has 2 rows; at most 1 are taken at once',
    );
  });
});
