/**
 * Mails made to cost time, by kind: each at a given number of bytes. What a stranger can send to a return path, or to
 * `postmaster@` of a bounce host, must be read in time that is linear in its size.
 */
export const adversarial: readonly { kind: string; of: (bytes: number) => string }[] = [
  { kind: 'one long line', of: (bytes) => notice('a'.repeat(bytes)) },
  { kind: 'one long line of addresses', of: (bytes) => notice(filled('a@b.example,', bytes)) },
  { kind: 'lines of addresses', of: (bytes) => notice(counted(bytes, (i) => `<u${i}@d${i}.example>:\n`)) },
  { kind: 'long local parts', of: (bytes) => notice(filled(`${'a.'.repeat(200)} `, bytes)) },
  { kind: 'letters without an address', of: (bytes) => notice(filled('é', bytes / 2)) },
  { kind: 'empty lines', of: (bytes) => notice('\n'.repeat(bytes)) },
  { kind: 'carriage returns', of: (bytes) => notice('\r'.repeat(bytes)) },
  { kind: 'blanks', of: (bytes) => notice(' '.repeat(bytes)) },
  { kind: 'quotes in quotes', of: (bytes) => notice('> '.repeat(bytes / 2)) },
  { kind: 'brackets', of: (bytes) => `Content-Type: text/html\n\n${filled('<a ', bytes)}` },
  { kind: 'entities', of: (bytes) => `Content-Type: text/html\n\n${filled('&lt;&', bytes)}` },
  { kind: 'codes', of: (bytes) => notice(`a@example.org\n${filled('550 5.1.1 ', bytes)}`) },
  { kind: 'words of failures', of: (bytes) => notice(`<a@b.example>:\n${filled(failing, bytes)}`) },
  { kind: 'beginnings of words', of: (bytes) => notice(filled(beginnings, bytes)) },
  { kind: 'beginnings in Polish', of: (bytes) => notice(filled('nie dostarczono nie odbiorcy nie ', bytes)) },
  { kind: 'ornaments', of: (bytes) => notice(filled(`${'-'.repeat(60)}\n`, bytes)) },
  {
    kind: 'recipients of a report',
    of: (bytes) =>
      report(
        '',
        recipients(bytes, () => 'smtp; 550 5.1.1 no such user'),
      ),
  },
  {
    kind: 'recipients and text',
    of: (bytes) =>
      report(
        filled(`${'The quick brown fox of the mail system '.repeat(4)}\n`, bytes),
        recipients(10_000, () => '', '5.4.7'),
      ),
  },
  {
    kind: 'recipients and long words',
    of: (bytes) =>
      report(
        filled(`${'y'.repeat(150)}\n`, bytes),
        recipients(10_000, () => '', '5.4.7'),
      ),
  },
  {
    kind: 'recipients and lines that name them',
    of: (bytes) =>
      report(
        counted(
          bytes,
          (i) =>
            `user${i % 100}@example-${i % 100}.test user${(i + 1) % 100}@example-${(i + 1) % 100}.test\n`,
        ),
        recipients(10_000, () => '', '5.4.7'),
      ),
  },
  {
    kind: 'long diagnostics',
    of: (bytes) =>
      report(
        '',
        recipients(bytes, (i) => `smtp; ${filled(`word${i} of the host `, 8000)}`),
      ),
  },
  {
    kind: 'diagnostics that begin like others',
    of: (bytes) =>
      report(
        '',
        recipients(bytes, (i) => `smtp; ${i} ${filled(beginnings, 4000)}`),
      ),
  },
  { kind: 'header fields', of: (bytes) => `${filled('X-A: b\n', bytes)}\nbody` },
  { kind: 'a folded field', of: (bytes) => `Subject: a\n${filled(' b\n', bytes)}\nbody` },
  { kind: 'encoded words', of: (bytes) => `Subject: ${filled('=?utf-8?q?a?=\n ', bytes)}\n\nbody` },
  { kind: 'comments', of: (bytes) => `Content-Type: text/plain ${filled('(', bytes)}\n\nbody` },
  { kind: 'parameters', of: (bytes) => `Content-Type: text/plain; ${filled('a=b; ', bytes)}\n\nbody` },
  { kind: 'parts', of: (bytes) => mixed(filled('--b\n\na\n', bytes)) },
  {
    kind: 'parts in parts',
    of: (bytes) => counted(bytes, (i) => `Content-Type: multipart/mixed; boundary=b${i}\n\n--b${i}\n`),
  },
  { kind: 'almost delimiters', of: (bytes) => mixed(filled('--bb\n', bytes)) },
  {
    kind: 'base64',
    of: (bytes) => `Content-Transfer-Encoding: base64\n\n${filled('YUBiLmV4YW1wbGUK', bytes)}`,
  },
  { kind: 'padding', of: (bytes) => `Content-Transfer-Encoding: base64\n\n${filled('=', bytes)}` },
  {
    kind: 'quoted-printable',
    of: (bytes) => `Content-Transfer-Encoding: quoted-printable\n\n${filled('=3D', bytes)}`,
  },
  { kind: 'objects of JSON', of: (bytes) => notice(`${filled('{"a":', bytes)}}`) },
  {
    kind: 'feedback fields',
    of: (bytes) => feedback(counted(bytes, (i) => `Original-Rcpt-To: u${i}@b.example\n`)),
  },
  {
    kind: 'an original',
    of: (bytes) =>
      report(
        '',
        recipients(300, () => ''),
        filled('X-A: b@c.example\n', bytes),
      ),
  },
];

const beginnings =
  'user account recipient address mailbox from sender domain host message connection exceeded ';
const failing =
  'The mailbox of the user could not be delivered, the account is unknown, quota exceeded, host not found.\n';

function filled(text: string, bytes: number): string {
  return text.repeat(Math.max(1, Math.floor(bytes / text.length)));
}

function counted(bytes: number, line: (i: number) => string): string {
  const lines: string[] = [];
  for (let i = 0, length = 0; length < bytes; i++) {
    const one = line(i);
    lines.push(one);
    length += one.length;
  }
  return lines.join('');
}

function notice(text: string): string {
  return `Return-Path: <>\nFrom: MAILER-DAEMON@mx.example\nTo: b@example\nSubject: Delivery failure\n\n${text}`;
}

function mixed(parts: string): string {
  return `From: MAILER-DAEMON@mx.example\nContent-Type: multipart/mixed; boundary=b\n\n${parts}`;
}

function recipients(bytes: number, diagnostic: (i: number) => string, status = '5.1.1'): string {
  return counted(
    bytes,
    (i) =>
      `\nFinal-Recipient: rfc822; user${i}@example-${i}.test\nAction: failed\nStatus: ${status}\nDiagnostic-Code: ${diagnostic(i)}\n`,
  );
}

function report(text: string, status: string, original = ''): string {
  return [
    'Return-Path: <>\nFrom: MAILER-DAEMON@mx.example\nSubject: Undelivered Mail Returned to Sender',
    'Content-Type: multipart/report; report-type=delivery-status; boundary=b\n',
    `--b\n\n${text}\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n${status}`,
    `--b\nContent-Type: message/rfc822\n\n${original}\nbody\n--b--\n`,
  ].join('\n');
}

function feedback(fields: string): string {
  return `Content-Type: multipart/report; report-type=feedback-report; boundary=b\n\n--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nUser-Agent: x\nVersion: 1\n${fields}--b--\n`;
}
