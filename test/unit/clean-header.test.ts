import { describe, expect, it } from 'vitest';
import { cleanHeader, headerFault, withoutMailboxLine } from '#domain/message/clean-header.ts';
import { joinMessage, splitMessage } from '#domain/message/header.ts';

function clean(text: string): string {
  const message = splitMessage(withoutMailboxLine(text));
  if (typeof message === 'string') throw new Error(message);
  return joinMessage(cleanHeader(message));
}

const faultIn = (text: string) => {
  const message = splitMessage(text);
  if (typeof message === 'string') throw new Error(message);
  return headerFault(cleanHeader(message).fields);
};

describe('a header that is written clean', () => {
  it.each([
    ['Subject : a\r\n\r\n', 'Subject: a\r\n\r\n'],
    ['Subject \t:a\r\n b : c\r\n\r\n', 'Subject:a\r\n b : c\r\n\r\n'],
    ['Message-ID:\r\nA: b\r\nDate: \r\n \r\n\r\n', 'A: b\r\n\r\n'],
    [
      'Resent-Bcc: a@example.com,\r\n b@example.com\r\nA: b\r\nRETURN-PATH: <x@y>\r\nBcc:\r\n\r\n',
      'A: b\r\n\r\n',
    ],
    [
      'From root Wed Nov 25 10:00:00 2026\r\nA: b\r\n\r\n',
      'X-Mailbox-Line: From root Wed Nov 25 10:00:00 2026\r\nA: b\r\n\r\n',
    ],
    ['>From root Wed\r\nA: b\r\n\r\n', 'X-Mailbox-Line: >From root Wed\r\nA: b\r\n\r\n'],
    ['From : a@b\r\n\r\n', 'From: a@b\r\n\r\n'],
  ])('%j is %j', (was, is) => expect(clean(was)).toBe(is));

  it.each([
    'Subject:a\r\n\r\nSubject : a\r\n',
    'X-Empty:\r\nTo:\r\n\r\n',
    'From: x@y\r\nX-Bcc: z\r\n\r\nFrom me\r\n',
  ])('stays as it is: %j', (text) => expect(clean(text)).toBe(text));
});

describe('the fields of a message as a whole', () => {
  it.each([
    'Subject',
    'To',
    'Cc',
    'Date',
    'Reply-To',
    'Message-ID',
    'Content-Type',
    'Sender',
    'MIME-Version',
  ])('have %s once', (name) => {
    expect(faultIn(`${name}: a\r\nX: y\r\n${name.toLowerCase()}: a\r\n\r\n`)).toEqual({
      field: name,
      fault: `the message must have at most one ${name} field, it has 2 (RFC 5322 §3.6)`,
    });
    expect(faultIn(`${name}: a\r\n\r\n${name}: a\r\n`)).toBeNull();
  });

  it('may have an empty Message-ID or Date beside a good one, which goes', () => {
    expect(faultIn('Message-ID:\r\nMessage-ID: <a@b>\r\nDate:\r\nDate:\r\n\r\n')).toBeNull();
  });

  it.each(['Received', 'Comments', 'Keywords', 'X-Own', 'DKIM-Signature'])('may have %s often', (name) => {
    expect(faultIn(`${name}: a\r\n`.repeat(3))).toBeNull();
  });

  it('have no more than a hundred hops', () => {
    expect(faultIn('Received: by a\r\n'.repeat(100))).toBeNull();
    expect(faultIn('Received: by a\r\n'.repeat(101))).toMatchObject({ field: 'Received' });
  });
});
