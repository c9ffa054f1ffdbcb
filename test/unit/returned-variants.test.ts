import { describe, expect, it } from 'vitest';
import type { ReturnedRecipient } from '#domain/bounce/returned-mail.ts';
import { readMail } from '../../worker/inbound/read-mail.ts';

/** Kinds of reports that strangers have written, each in several forms: what the reader must make of any of them. */

function read(text: string, mailFrom: string | undefined = '') {
  return readMail(new TextEncoder().encode(text), mailFrom);
}

function notice(subject: string, text: string, from = 'MAILER-DAEMON@mx.kiosk.test') {
  return `From: ${from}\nTo: <b-x@bounces.velo.test>\nSubject: ${subject}\nContent-Type: text/plain; charset=utf-8\n\n${text}\n`;
}

function report(fields: string[], text = 'see below') {
  return [
    'From: MAILER-DAEMON@mx.kiosk.test',
    'To: <b-x@bounces.velo.test>',
    'Subject: Delivery Notification: Delivery has failed',
    'Auto-Submitted: auto-replied',
    'Content-Type: multipart/report; report-type=delivery-status; boundary="bb"',
    '',
    '--bb',
    '',
    text,
    '--bb',
    'Content-Type: message/delivery-status',
    '',
    'Reporting-MTA: dns; mx.kiosk.test',
    '',
    ...fields,
    '',
    '--bb--',
    '',
  ].join('\n');
}

const failed = (recipient: string, diagnostic = '550 5.1.1 User unknown', status = '5.1.1') =>
  report([
    `Final-Recipient: ${recipient}`,
    'Action: failed',
    `Status: ${status}`,
    `Diagnostic-Code: smtp; ${diagnostic}`,
  ]);

describe('address syntax in a report', () => {
  it.each([
    ["rfc822; o'hara@kiosk.test", "o'hara@kiosk.test"],
    ['rfc822; =x@kiosk.test', '=x@kiosk.test'],
    ['rfc822; a|b@kiosk.test', 'a|b@kiosk.test'],
    ['rfc822; wanda@[192.0.2.1]', 'wanda@[192.0.2.1]'],
    ['rfc822; wanda@[IPv6:2001:db8::1]', 'wanda@[IPv6:2001:db8::1]'],
    ['rfc822; wanda@kiosk.test;NOTIFY=NEVER', 'wanda@kiosk.test'],
    ['rfc822; "wanda smith"@kiosk.test', '"wanda smith"@kiosk.test'],
    ['rfc822; <wanda@kiosk.test>', 'wanda@kiosk.test'],
    ['rfc822; wanda@kiosk.test (Wanda)', 'wanda@kiosk.test'],
    ['rfc822; *wanda/x#1%y@kiosk.test', '*wanda/x#1%y@kiosk.test'],
    ['X400; C=DE;A= ;P=KIOSK;S=Wanda', 'C=DE;A= ;P=KIOSK;S=Wanda'],
    ['rfc822;', ''],
    ['', ''],
  ])('%s', (field, recipient) => {
    const { kind, recipients } = read(failed(field));
    expect(kind).toBe('bounce');
    expect(recipients).toMatchObject([{ recipient, class: 'bad_mailbox', permanent: true, certain: true }]);
  });

  it.each(["o'hara", 'a|b', 'x=y', "d'arc.o'neil"])('%s in prose is never cut', (local) => {
    const { recipients } = read(notice('Delivery failure', `<${local}@kiosk.test>:\n550 5.1.1 unknown`));
    expect(recipients.map(({ recipient }) => recipient)).toEqual([`${local}@kiosk.test`]);
  });
});

describe('trouble of the sender', () => {
  it.each([
    'From: Domain is invalid. Use a proper From:',
    '<news@velo.test>: Sender address rejected: Domain not found',
    'Helo command rejected: Host not found',
    'MAIL FROM domain does not exist',
    'The domain of the sender does not resolve',
    'Return-Path domain not found',
    'Your domain velo.test does not exist',
    'invalid From header: domain has no MX',
    'sender domain velo.test could not be found',
    'Envelope sender domain unknown',
  ])('%s', (text) => {
    const [one] = read(failed('rfc822; wanda@kiosk.test', `550 5.2.0 ${text}`, '5.2.0')).recipients;
    expect(['policy', 'auth']).toContain(one?.class);
  });
});

describe('machines that are not known', () => {
  it.each([
    ['en', 'Mail could not be delivered', 'Your message could not be delivered to <wanda@kiosk.test>.'],
    ['de', 'Unzustellbar', 'Ihre Nachricht konnte nicht zugestellt werden:\n\nwanda@kiosk.test'],
    ['fr', 'Échec de la remise', "Votre message n'a pas pu être remis :\n\nwanda@kiosk.test"],
    ['es', 'Error en la entrega', 'No se pudo entregar el mensaje.\nDestinatario: wanda@kiosk.test'],
    ['it', 'Mancata consegna', 'Non è stato possibile consegnare il messaggio a:\n<wanda@kiosk.test>'],
    ['pt', 'Falha na entrega', 'Não foi possível entregar a mensagem.\nDestinatário: wanda@kiosk.test'],
    ['pl', 'Zwrot wiadomości', 'Wiadomości dostarczyć się nie udało.\nOdbiorca: wanda@kiosk.test'],
    ['nl', 'Onbestelbaar bericht', 'Uw bericht kon niet worden bezorgd bij:\nwanda@kiosk.test'],
    ['ru', 'Недоставленное сообщение', 'Ваше сообщение не было доставлено.\nПолучатель: wanda@kiosk.test'],
    ['ja', '配信不能', 'メールを配信できませんでした。\n宛先: wanda@kiosk.test'],
    ['zh-Hans', '退信', '您的邮件无法投递。\n收件人:wanda@kiosk.test'],
    ['zh-Hant', '退信通知', '您的郵件無法傳送。\n收件者:wanda@kiosk.test'],
    ['ko', '전송 실패', '메일을 전송할 수 없습니다.\n받는 사람: wanda@kiosk.test'],
    ['tr', 'Teslim edilemedi', 'Mesajınız teslim edilemedi.\nAlıcı: wanda@kiosk.test'],
  ])('in %s', (_, subject, text) => {
    for (const from of ['MAILER-DAEMON@mx.kiosk.test', 'Scan-Gateway@scan.kiosk.test', 'x@kiosk.test']) {
      for (const prefix of ['', 'Re: ', 'Fwd: ', '[Kiosk] ']) {
        const { kind, recipients } = read(notice(`${prefix}${subject}`, text, from));
        expect([from, prefix, kind, recipients.map((one) => one.recipient)]).toEqual([
          from,
          prefix,
          'bounce',
          ['wanda@kiosk.test'],
        ]);
      }
    }
  });

  it.each([
    ['iso-8859-2', 'Wiadomości nie dostarczono', [0x6e, 0x69, 0x65]],
    ['gb2312', '', [0xcd, 0xcb, 0xd0, 0xc5]],
    ['big5', '', [0xb0, 0x68, 0xab, 0x48]],
  ])('in raw %s', (charset, _, word) => {
    const ascii = (text: string) => [...new TextEncoder().encode(text)];
    const raw = new Uint8Array([
      ...ascii('From: MAILER-DAEMON@mx.kiosk.test\nSubject: '),
      ...(charset === 'iso-8859-2' ? ascii('Zwrot wiadomo') : []),
      ...(charset === 'iso-8859-2' ? [0xb6, 0x63, 0x69] : word),
      ...ascii(`\nContent-Type: text/plain; charset=${charset}\n\n<wanda@kiosk.test>:\n`),
    ]);
    const { kind, recipients } = readMail(raw, '');
    expect([kind, recipients.map((one) => one.recipient)]).toEqual(['bounce', ['wanda@kiosk.test']]);
  });

  it.each([
    [
      'Processing Error',
      'Intended recipient: wanda@kiosk.test\n\nThe mail was returned because of an error.',
    ],
    ['Mail transport error', 'Intended recipient: wanda@kiosk.test\n\nThe mail was not processed.'],
    ['Wanda: user unknown', 'wanda@kiosk.test - no such user here.'],
  ])('%s', (subject, text) => {
    const mail = notice(subject, text).replace(
      '\n',
      '\nX-Autogenerated: Mirror\nAuto-Submitted: auto-replied\n',
    );
    expect(read(mail)).toMatchObject({ kind: 'bounce', recipients: [{ recipient: 'wanda@kiosk.test' }] });
  });

  it.each([
    ['', 'Please click on the link below to be added to my list of allowed senders: https://guard.test/1'],
    [
      'verify@guard.test',
      'Your mail waits. Click here to verify that you are a person: https://guard.test/1',
    ],
    ['', 'Thank you for your letter. I will answer soon.'],
  ])('from <%s>: %s', (mailFrom, text) => {
    expect(read(notice('Re: Your order', text, 'Hugo <hugo@guard.test>'), mailFrom).kind).toBe('autoreply');
  });
});

describe('whom a report is about', () => {
  it.each([
    ['the sender above', 'Sender: news@velo.test\nThis mail could not be delivered to wanda@kiosk.test'],
    ['quotes', "The letter addressed to 'wanda@kiosk.test' could not be delivered."],
    ['a list', 'Recipient: wanda@kiosk.test\nList: readers@velo.test\nThe message could not be delivered.'],
    [
      'an attribute',
      'did not reach the following recipient(s):\n\nc=DE;p=KIOSK;dda:SMTP=wanda@kiosk.test; on Mon',
    ],
    ['the return path first', 'b-x@bounces.velo.test: your mail to wanda@kiosk.test could not be delivered'],
  ])('%s', (_, text) => {
    const original = '\n\n----- Original message -----\nFrom: Velo <news@velo.test>\nTo: readers@velo.test\n';
    const { recipients } = read(notice('Mail delivery failure', text + original));
    expect(recipients.map((one) => one.recipient)).toEqual(['wanda@kiosk.test']);
  });

  it('is the one that the sender gave, with where it ended beside it', () => {
    const fields = [
      'Original-Recipient: rfc822;wanda@kiosk.test',
      'Final-Recipient: rfc822;w.smith@store.kiosk.test',
    ];
    expect(read(report([...fields, 'Action: failed', 'Status: 5.1.1'])).recipients).toMatchObject([
      { recipient: 'wanda@kiosk.test', finalRecipient: 'w.smith@store.kiosk.test' },
    ]);
  });

  it('is so in the words of Postfix as well', () => {
    const text =
      'This is the mail system at host mx.kiosk.test.\n\n<w.smith@store.kiosk.test> (expanded from <wanda@kiosk.test>): host\n    store said: 550 5.1.1 unknown';
    expect(read(notice('Undelivered Mail Returned to Sender', text)).recipients).toMatchObject([
      { recipient: 'wanda@kiosk.test', finalRecipient: 'w.smith@store.kiosk.test', status: '5.1.1' },
    ]);
  });
});

describe('delays', () => {
  it.each([
    ['Warning: message has not yet been delivered', 'Your message to:\n\twanda@kiosk.test\n\nwaits.'],
    ['Delivery postponed', 'wanda@kiosk.test\n\nThe delivery of your message is postponed.'],
    ['Mail status', 'Your message could not be delivered to wanda@kiosk.test yet. We will keep trying.'],
    ['Zustellung verzögert', 'wanda@kiosk.test\n\nDie Zustellung wird erneut versucht.'],
    ['Still undelivered', 'wanda@kiosk.test\n\nThis is just a warning, we go on trying for 4 days.'],
  ])('%s', (subject, text) => {
    expect(read(notice(subject, text))).toMatchObject({
      kind: 'delay',
      recipients: [{ recipient: 'wanda@kiosk.test', permanent: false }],
    });
  });
});

describe('classes', () => {
  it.each([
    ['The email account that you tried to reach does not exist', '5.0.0', 'bad_mailbox'],
    ['The address you sent to does not exist', '5.0.0', 'bad_mailbox'],
    ['Invalid final delivery userid: wanda', '5.0.0', 'bad_mailbox'],
    ['an MX record points to the root: kiosk.test does not accept mail', '5.0.0', 'bad_domain'],
    ['all relevant MX records point to non-existent hosts', '5.0.0', 'bad_domain'],
    ['an MX or SRV record indicated no SMTP service', '5.0.0', 'bad_domain'],
    ['The recipient account is blocked', '5.0.0', 'inactive'],
    ["Transaction failed: Duplicate header 'DKIM-Signature'.", '5.0.0', 'protocol'],
    ['Message contains multiple From headers', '5.0.0', 'protocol'],
    ['The number of messages per session exceeded', '5.0.0', 'rate_limited'],
    ['Too many messages per connection exceeded', '4.0.0', 'rate_limited'],
    ['Maximum messages per session exceeded', '5.0.0', 'rate_limited'],
    ['Message expired after 5 days in the queue', '5.0.0', 'network'],
    ['retry timeout exceeded', '5.0.0', 'network'],
  ])('%s', (text, status, name) => {
    const code = status.startsWith('4') ? 452 : 550;
    const [one] = read(failed('rfc822; wanda@kiosk.test', `${code} ${text}`, status)).recipients;
    expect(one?.class).toBe(name);
  });

  it('finds the reason above the address, also of several', () => {
    const above = (reason: string, address: string) =>
      `reject reason: ${reason}\ntarget mail address: ${address}\n`;
    const one = read(notice('Delivery failure', above('Mailbox full', 'a@kiosk.test')));
    const two = read(
      notice(
        'Delivery failure',
        `${above('Mailbox full', 'a@kiosk.test')}\n${above('User unknown', 'b@kiosk.test')}`,
      ),
    );
    const classes = (recipients: readonly ReturnedRecipient[]) =>
      recipients.map((r) => [r.recipient, r.class]);
    expect(classes(one.recipients)).toEqual([['a@kiosk.test', 'mailbox_full']]);
    expect(classes(two.recipients)).toEqual([
      ['a@kiosk.test', 'mailbox_full'],
      ['b@kiosk.test', 'bad_mailbox'],
    ]);
  });

  it('takes no ornament for the beginning of the original', () => {
    for (const ornament of ['-'.repeat(50), '='.repeat(50), '*'.repeat(40), '_'.repeat(60)]) {
      const text = `Delivery problem report\n\n${ornament}\n\nDelivery failed: wanda@kiosk.test\n550 5.7.1 not wanted`;
      expect(read(notice('Delivery failure', text)).recipients).toMatchObject([
        { recipient: 'wanda@kiosk.test', status: '5.7.1' },
      ]);
    }
  });
});

describe('notifications of Amazon', () => {
  const bounce = {
    notificationType: 'Bounce',
    bounce: {
      bounceType: 'Permanent',
      bouncedRecipients: [{ emailAddress: 'wanda@kiosk.test', status: '5.1.1' }],
    },
    mail: { source: 'news@velo.test' },
  };
  it.each([
    ['as they are', bounce],
    ['in the envelope of SNS', { Type: 'Notification', Message: JSON.stringify(bounce) }],
    [
      'in that of EventBridge',
      { 'detail-type': 'Email Bounced', detail: { ...bounce, eventType: 'Bounce' } },
    ],
    [
      'with escapes for letters',
      {
        Type: 'Notification',
        Message: JSON.stringify(bounce).replace('notificationType', '\\u006eotificationType'),
      },
    ],
  ])('%s', (_, json) => {
    const mail = notice(
      'AWS Notification Message',
      JSON.stringify(json, null, 2),
      'no-reply@sns.amazonaws.com',
    );
    expect(read(mail)).toMatchObject({
      kind: 'bounce',
      recipients: [{ recipient: 'wanda@kiosk.test', status: '5.1.1', certain: true }],
    });
  });
});

describe('what only words tell', () => {
  const certain = (mail: string) => read(mail).recipients.map((one) => one.certain);

  it('is certain with a status, or with a reply in the form of a known system', () => {
    expect(certain(notice('Delivery failure', '<a@b.test>:\n550 5.1.1 User unknown'))).toEqual([true]);
    const exim =
      'This message was created automatically by mail delivery software.\nA message that you sent could not be delivered.\n\n  a@b.test\n    550 User unknown';
    expect(certain(notice('Mail delivery failed', exim))).toEqual([true]);
  });

  it('is not with less', () => {
    expect(certain(notice('Delivery failure', 'The user a@b.test is unknown'))).toEqual([false]);
    expect(certain(notice('Delivery failure', '<a@b.test>:\n550 User unknown'))).toEqual([false]);
  });

  it('is not from a sender that is not null, whatever it is called', () => {
    const text = '<a@b.test>:\n550 5.1.1 User unknown';
    const named = read(notice('Delivery failure', text, 'postmaster@b.test'), 'postmaster@b.test');
    expect(named).toMatchObject({ kind: 'bounce', recipients: [{ certain: false }] });
    const pasted = 'Final-Recipient: rfc822; a@b.test\nAction: failed\nStatus: 5.1.1';
    const monitor = notice('Alert', pasted, 'alerts@b.test').replace(
      '\n',
      '\nAuto-Submitted: auto-generated\n',
    );
    expect(read(monitor, 'alerts@b.test')).toMatchObject({ kind: 'autoreply', recipients: [] });
  });

  it('of a daemon without any address is a bounce all the same', () => {
    expect(read(notice('Mail Delivery Problem', 'It did not work.'))).toMatchObject({
      kind: 'bounce',
      recipients: [],
    });
  });
});
