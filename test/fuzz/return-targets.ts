import { addressesIn, cleanAddress } from '#domain/bounce/address.ts';
import { readFeedback } from '#domain/bounce/arf.ts';
import { readDsn } from '#domain/bounce/dsn.ts';
import { fieldGroups, headerFields } from '#domain/bounce/header-fields.ts';
import { readReturned } from '#domain/bounce/read-returned.ts';
import { readSesNotification } from '#domain/bounce/ses-notification.ts';
import { toldReply } from '#domain/bounce/told-reply.ts';
import { classifyFailure } from '#domain/failure/classify-failure.ts';
import { parseSmtpReply } from '#domain/failure/smtp-reply.ts';
import { maxReturnedBytes, readMail } from '../../worker/inbound/read-mail.ts';
import { octets, type Target } from './target.ts';

const report = [
  'Final-Recipient: rfc822; a@b.example\n', 'Action: failed\n', 'Action: constructor\n', 'Status: 5.1.1\n',
  'Diagnostic-Code: smtp; 550 5.1.1 no\n', 'Reporting-MTA: dns; x\n', 'Original-Recipient: rfc822;a\n', '\n', '\n\n', '> ', ' more\n',
  'Feedback-Type: abuse\n', 'User-Agent: x\n', 'Version: 1\n', 'Original-Rcpt-To: <a@b.example>\n', 'Received: from x\n',
  'Message-ID: <a@b>\n', '<a@b.example>:\n', '<a@b.example>', 'host mx.example said: ', '550 ', '5.1.1 ', '421-4.7.0 ', 'said:',
  'Your message', ' could not be delivered', 'rfc822; \\x{5d0}', '------ This is a copy of the message', '----- ', '===', '***',
  'The following address failed:\n', 'Remote-MTA: dns; x\n', 'To: a@b.example\n', 'a@b.example ',
]; // biome-ignore format: a list of words
const mime = [
  ...report, 'Content-Type: multipart/report; boundary=b\n\n', '--b\n', '--b--\n', 'Content-Type: message/delivery-status\n\n',
  'Content-Type: message/rfc822\n\n', 'Content-Type: message/feedback-report\n\n', 'From: mailer-daemon@x.example\n',
  'Subject: Undelivered Mail\n', 'Content-Type: text/html\n\n', '<br>', '<p ', '&lt;', '\x1b$B', 'Content-Transfer-Encoding: base64\n',
  'Subject: =?utf-8?q?a?= ', 'Auto-Submitted: auto-replied\n', 'X-Failed-Recipients: a@b.example,', 'Content-Type: text/plain charset=x\n\n',
]; // biome-ignore format: a list of words
const ses = [
  '{"notificationType":"Bounce","bounce":{',
  '"bounceType":"constructor",',
  '"bouncedRecipients":[',
  '{"emailAddress":"a@b.example"},',
  ']',
  '}',
  ',',
  '{',
];

const oneReport = {
  'Final-Recipient': 'rfc822; a@b.example',
  Action: 'failed',
  Status: '5.1.1',
  'Diagnostic-Code': 'smtp; 550 no',
};

/** What comes back by mail, and what peers say. */
export const returnTargets: readonly Target[] = [
  {
    name: 'mail to a return path',
    blocks: mime,
    most: 2 * maxReturnedBytes,
    read: (text) => readMail(octets(text), ''),
  },
  {
    name: 'readable part of a report',
    blocks: report,
    most: 262_144,
    read: (text) =>
      readReturned({ headers: [{ name: 'from', value: 'mailer-daemon@x.example' }], text, parts: [] }),
  },
  {
    name: 'header of returned mail',
    blocks: report,
    most: 8192,
    read: (text) =>
      readReturned({
        headers: ['from', 'subject', 'x-failed-recipients', 'in-reply-to', 'auto-submitted'].map((name) => ({
          name,
          value: text,
        })),
        text: 'x',
        parts: [{ type: 'message/delivery-status', text }],
      }),
  },
  { name: 'delivery status', blocks: report, most: 131_072, read: readDsn },
  {
    name: 'field of a delivery status',
    blocks: [
      'constructor',
      'failed',
      'toString',
      '5.1.1',
      '__proto__',
      'rfc822; ',
      'a@b.example',
      'smtp; 550 ',
    ],
    most: 8192,
    read: (text) =>
      Object.keys(oneReport).map((name) =>
        readDsn(
          Object.entries({ ...oneReport, [name]: text })
            .map((field) => field.join(': '))
            .join('\n'),
        ),
      ),
  },
  { name: 'feedback report', blocks: report, most: 131_072, read: readFeedback },
  { name: 'notification of SES', blocks: ses, most: 262_144, read: readSesNotification },
  {
    name: 'fields of a report',
    blocks: report,
    most: 262_144,
    read: (text) => [headerFields(text), fieldGroups(text)],
    grows: 40,
  },
  { name: 'reply that is told', blocks: report, read: toldReply },
  {
    name: 'addresses in prose',
    blocks: ['a@b.example', '<', '"', "'", 'mailto:', '='],
    read: (text) => [addressesIn(text), cleanAddress(text)],
  },
  {
    name: 'reply of a peer',
    blocks: ['250-', '250 ', '550 5.1.1 ', '\r\n', '\n', '2.0.0'],
    read: parseSmtpReply,
  },
  {
    name: 'words of a failure',
    blocks: [
      'user unknown',
      'mailbox',
      ' full',
      'blocked',
      'ip ',
      'sender',
      'too many ',
      'recipient address ',
      'exceeded ',
      'host ',
    ],
    read: (text) => classifyFailure({ code: 550, status: null, text }),
  },
];
