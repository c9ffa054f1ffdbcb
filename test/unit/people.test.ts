import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readMail } from '../../worker/inbound/read-mail.ts';

/**
 * Mails of people, support desks, ticket systems, calendars, mailing lists and monitors that speak of bounces, quotas
 * and complaints: a file a language, mails parted by a line of `=====`; Return-Path tells the envelope sender.
 */
const folder = new URL('../fixtures/people/', import.meta.url).pathname;
const mails = readdirSync(folder).flatMap((file) =>
  readFileSync(`${folder}${file}`, 'utf8')
    .split(/^=====\n/m)
    .map((text) => ({
      language: file.slice(0, 2),
      subject: /^Subject: (.*)$/m.exec(text)?.[1] ?? '',
      mailFrom: /^Return-Path: <(.+)>$/m.exec(text)?.[1] ?? '',
      text,
    })),
);

function read(text: string, mailFrom?: string) {
  return readMail(new TextEncoder().encode(text), mailFrom);
}

describe('mails of people', () => {
  it('are many, in many languages', () => {
    expect(mails.length).toBeGreaterThanOrEqual(100);
    expect(new Set(mails.map(({ language }) => language)).size).toBeGreaterThanOrEqual(10);
  });

  it.each(mails)('$language: $subject', ({ text, mailFrom }) => {
    expect(['none', 'autoreply']).toContain(read(text, mailFrom).kind);
  });

  it('are no bounces where only their header tells the sender either', () => {
    const bounces = mails.filter(({ text }) => !['none', 'autoreply'].includes(read(text).kind));
    expect(bounces.map(({ language, subject }) => `${language}: ${subject}`)).toEqual([]);
  });

  it('tells a report from a person by its own type', () => {
    const report = [
      'From: Jane <jane@person.test>',
      'Subject: Fwd: failure',
      'Content-Type: multipart/TYPE; boundary=b',
      '',
      '--b',
      'Content-Type: message/delivery-status',
      '',
      'Reporting-MTA: dns; mx.person.test',
      '',
      'Final-Recipient: rfc822; jane@person.test',
      'Action: failed',
      'Status: 5.1.1',
      '--b--',
    ].join('\n');
    const kinds = ['report; report-type=delivery-status', 'mixed'].map(
      (type) => read(report.replace('TYPE', type), 'jane@person.test').kind,
    );
    expect(kinds).toEqual(['bounce', 'none']);
  });
});
