import { describe, expect, it } from 'vitest';
import { families } from '#domain/bounce/families/all.ts';
import { readNotice } from '#domain/bounce/notice.ts';
import type { ReturnedMail } from '#domain/bounce/returned-mail.ts';

function mail(text: string, from = 'MAILER-DAEMON@example.org', subject = 'x'): ReturnedMail {
  const headers = [
    { name: 'from', value: from },
    { name: 'subject', value: subject },
  ];
  return { headers, text, parts: [] };
}

/** A sentence for each mark of each family. */
const sentences: [family: string, mail: ReturnedMail][] = [
  ['postfix', mail('This is the mail system at host mx.example.org.')],
  ['postfix', mail('Transcript.', undefined, 'Postfix SMTP server: errors from mx[192.0.2.1]')],
  ['gmail', mail('Delivery to the following recipient failed permanently:')],
  ['gmail', mail('Technical details of permanent failure:')],
  ['gmail', mail('x', 'Mail <mailer-daemon@googlemail.com>')],
  ['gmail', mail('** Address not found **')],
  ['gmail', mail('the group you tried to contact (x) may not exist')],
  ['yahoo', mail('Sorry, we were unable to deliver your message to the following address.')],
  ['yahoo', mail('Unable to deliver message to the following address(es).')],
  ['yahoo', mail('x', 'MAILER-DAEMON@yahoo.com')],
  ['amazon', mail('An error occurred while trying to deliver the mail to the following recipients:')],
  ['amazon', mail('x', 'MAILER-DAEMON@eu-west-1.amazonses.com')],
  ['qmail', mail('Hello, this is the qmail-send program')],
  ['qmail', mail('Hi. This is the example.org server')],
  ['qmail', mail("I'm afraid I wasn't able to deliver your message")],
  ['qmail', mail('This message bounced because of an error')],
  [
    'courier',
    mail('This is a delivery status notification from mx.example.org,\nrunning the Courier mail server'),
  ],
  ['courier', mail('The original message was received on Tue, 3 Nov 2026\nfrom example.org')],
  ['courier', mail('Unless indicated otherwise, this means\ndelivery failed')],
  ['exim', mail('This message was created automatically by mail delivery software.')],
  ['exim', mail('A message that you sent could not be delivered')],
  ['exim', mail('could not be delivered to one or more of its\nrecipients')],
  ['exim', mail('x', undefined, 'Warning: message 1kZ delayed 24 hours')],
  ['domino', mail('------- Failure Reasons  --------')],
  ['domino', mail('Your message\n\n  Subject: x\n\nwas not delivered to:')],
  ['domino', mail('x', undefined, 'DELIVERY FAILURE: User x')],
  ['domino', mail('not listed in Domino Directory')],
  ['carriers', mail('Each of the following recipients was rejected by a remote\nmail server.')],
  ['carriers', mail('x', undefined, 'Mail System Error - Returned Mail')],
  ['carriers', mail('x', '<Postmaster@ezweb.ne.jp>')],
  ['carriers', mail('次のあて先へのメッセージはエラーのため送信できませんでした。')],
  ['carriers', mail('     Could not be delivered to: <anna@example.ne.jp>')],
  ['carriers', mail('このメールは「m-FILTER」が送信しています。')],
  ['sendmail', mail('   ----- Transcript of session follows -----')],
  ['sendmail', mail('x', undefined, 'Returned mail: User unknown')],
  ['sendmail', mail('x', undefined, 'Warning: could not send message for past 4 hours')],
  ['exchange', mail('did not reach the following recipient(s):')],
  ['exchange', mail('Delivery has failed to these recipients or groups:')],
  ['exchange', mail("Your message couldn't be delivered")],
  ['exchange', mail('The following recipient(s) could not be reached:')],
  ['exchange', mail('x', undefined, 'Unzustellbar: Bestellung')],
  ['exchange', mail('Diagnostic information for administrators:')],
  ['gateways', mail('This is the DragonFly Mail Agent')],
  ['gateways', mail('Unknown user: anna@example.org')],
  ['gateways', mail('Message from InterScan')],
  ['gateways', mail('Message could not be delivered to mobile.')],
  ['gateways', mail('You are not a member of this mailing list')],
  ['gateways', mail('Error message below:')],
  ['general', mail('Your mail to anna@example.org could not be delivered')],
  ['general', mail('We failed to deliver it')],
  ['general', mail('It was returned to the sender')],
  ['general', mail('The mailbox seems to be full')],
];

describe('readNotice', () => {
  it.each(sentences)('knows %s', (family, given) => {
    expect(readNotice(given).family?.name).toBe(family);
  });

  it.each(families.flatMap(({ name, marks }) => marks.map((mark) => ({ name, mark }))))(
    'has an example for $name $mark',
    ({ name, mark }) => {
      const seen = sentences
        .filter(([family]) => family === name)
        .map(([, { headers, text }]) =>
          [...headers.map((h) => `${h.name}: ${h.value}`), '', text].join('\n'),
        );
      expect(seen.some((text) => mark.test(text))).toBe(true);
    },
  );

  const copies = [
    '--- Below this line is a copy of the message.',
    '------ This is a copy of the message, including all the headers. ------',
    '--- The header of the original message is following. ---',
    'Included is a copy of the message header:',
    '   ----- Original message follows -----',
    '   ----- Unsent message follows -----',
    '----- Message header follows -----',
    'Original message headers:',
    '------- Returned Message --------',
    '----- Original message -----',
    '-------original message',
    'Message headers follow.',
    'Below is a copy of the original message:',
    'Received: from mx.example.org',
    'Return-Path: <a@example.com>',
  ];

  it.each(copies)('ends the report at "%s"', (line) => {
    const { lines, copy } = readNotice(mail(`The report.\n${line}\nMessage-ID: <a@example.com>\n`));
    expect(lines).toEqual(['The report.']);
    expect(copy).toContain('Message-ID: <a@example.com>');
  });
});
