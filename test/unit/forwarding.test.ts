import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { forwarded, forwardLoop, losesDmarc, passedMarks, passedOn } from '#domain/inbound/forwarding.ts';
import { noVerdicts, type Verdicts } from '#domain/inbound/verdicts.ts';
import { parseMailbox } from '#domain/message/address.ts';
import { fieldsNamed, joinMessage, splitMessage } from '#domain/message/header.ts';

const alias = 'shop@alias.test';
const switchOffUrl = 'https://api.test/a/token';

function split(...lines: string[]) {
  const message = splitMessage(`${lines.join('\r\n')}\r\n`);
  if (typeof message === 'string') throw new Error(message);
  return message;
}
const plain = split('From: Ann <ann@customer.test>', 'Subject: hi', '', 'text');
const kept = { alias, rewriteFrom: false, switchOffUrl };
const rewritten = { ...kept, rewriteFrom: true };

describe('a forward', () => {
  it('leaves the message as it is, below Delivered-To and the link that switches the alias off', () => {
    expect(joinMessage(forwarded(plain, kept))).toBe(
      `Delivered-To: ${alias}\r\nList-Unsubscribe: <${switchOffUrl}>\r\n${joinMessage(plain)}`,
    );
  });
  it.each([
    ['has one already', 'List-Unsubscribe: <https://list.test/>'],
    ['is signed so that none can be added', 'DKIM-Signature: v=1; h=from:list-unsubscribe:date; b=x'],
  ])('names the link otherwise where the message %s', (_, field) => {
    const message = split(field, 'From: ann@customer.test', '', 'text');
    const names = forwarded(message, kept).fields.map(({ name }) => name);
    expect(names.slice(0, 2)).toEqual(['Delivered-To', 'X-Alias-Switch-Off']);
  });
  it('gives it the usual name where a signature does not speak of it', () => {
    const message = split('DKIM-Signature: v=1; h=from:list-unsubscribe-post; b=x', 'From: a@b.test', '', '');
    expect(fieldsNamed(forwarded(message, kept).fields, 'list-unsubscribe')).toHaveLength(1);
  });
});

describe('a forward with a From of its own', () => {
  it.each([
    ['Ann <ann@customer.test>', `"Ann via ${alias}" <${alias}>`],
    ['ann@customer.test', `"ann@customer.test via ${alias}" <${alias}>`],
    ['"A. \\"The\\" Ann" <ann@customer.test>', `"A. \\"The\\" Ann via ${alias}" <${alias}>`],
    ['=?utf-8?q?=C3=84nn?= <ann@customer.test>', `=?utf-8?q?=C3=84nn?= via "${alias}" <${alias}>`],
    ['broken <', `"via ${alias}" <${alias}>`],
  ])('From: %s', (from, expected) => {
    const message = forwarded(split(`From: ${from}`, '', 'text'), rewritten);
    expect(fieldsNamed(message.fields, 'from').map(({ value }) => value)).toEqual([expected]);
    expect(fieldsNamed(message.fields, 'reply-to').map(({ value }) => value)).toEqual([from]);
  });
  it('keeps the Reply-To that is there, and no signature of the old From', () => {
    const message = split(
      ...['DKIM-Signature: v=1; h=from; b=x', 'From: ann@customer.test', 'Sender: s@customer.test'],
      ...['Reply-To: help@customer.test', '', 'text'],
    );
    const { fields } = forwarded(message, rewritten);
    expect(fields.map(({ name }) => name)).toEqual(['Delivered-To', 'List-Unsubscribe', 'From', 'Reply-To']);
    expect(fieldsNamed(fields, 'reply-to')[0]?.value).toBe('help@customer.test');
  });
  it('is a mailbox for any From', () => {
    fc.assert(
      fc.property(fc.string(), (from) => {
        const clean = from.replace(/[^ -~]/g, '');
        const { fields } = forwarded(split(`From: ${clean}`, '', ''), rewritten);
        const author = parseMailbox(fieldsNamed(fields, 'from')[0]?.value ?? '');
        expect(author).toMatchObject({ address: alias });
      }),
    );
  });
});

describe('a loop', () => {
  it('is seen by our own Delivered-To', () => {
    const { fields } = forwarded(plain, kept);
    expect(forwardLoop(plain.fields, alias)).toBeNull();
    expect(forwardLoop(fields, alias.toUpperCase())).toContain('circle');
    expect(forwardLoop(fields, 'other@alias.test')).toBeNull();
  });
  it('is seen by more than 50 hosts', () => {
    const passed = (count: number) =>
      split(...Array.from({ length: count }, () => 'Received: by a.test'), '', '').fields;
    expect(forwardLoop(passed(50), alias)).toBeNull();
    expect(forwardLoop(passed(51), alias)).toContain('51 hosts');
  });
});

describe("DMARC of the author's domain", () => {
  const verdicts = (
    policy: Verdicts['dmarc']['policy'],
    ...signatures: { result: 'pass' | 'fail'; aligned: boolean }[]
  ): Verdicts => ({
    ...noVerdicts,
    dmarc: { ...noVerdicts.dmarc, policy, spfAligned: true },
    dkim: {
      result: 'pass',
      signatures: signatures.map((one) => ({
        ...one,
        domain: 'd.test',
        selector: 's',
        algorithm: 'rsa-sha256',
      })),
    },
  });
  it.each<[string, Verdicts, boolean]>([
    ['lasts by an aligned signature', verdicts('reject', { result: 'pass', aligned: true }), false],
    ['is lost with SPF alone', verdicts('reject'), true],
    [
      'is lost with a signature of another domain',
      verdicts('quarantine', { result: 'pass', aligned: false }),
      true,
    ],
    ['is lost with a broken signature', verdicts('none', { result: 'fail', aligned: true }), true],
    ['is not there', verdicts(null), false],
  ])('%s', (_, of, expected) => {
    expect(losesDmarc(of)).toBe(expected);
  });
});

describe('a message that has passed a masked alias', () => {
  const mark = 'abcdefgh23456723';
  const passed = passedOn(plain, { marks: [mark], alias, switchOffUrl });
  it('tells so by a mark, and nothing of others', () => {
    expect(joinMessage(passed)).toBe(
      `Delivered-To: ${alias}\r\nList-Unsubscribe: <${switchOffUrl}>\r\nX-Alias-Passed: ${mark}\r\n${joinMessage(plain)}`,
    );
    expect(passedMarks(passed.fields)).toEqual([mark]);
  });
  it('does not pass it again, whatever was taken away in between', () => {
    const bare = passed.fields.filter(({ name }) => name !== 'Delivered-To');
    expect(forwardLoop(bare, alias, mark)).toContain('in a circle');
    expect(forwardLoop(bare, alias, 'other23456723456')).toBeNull();
    expect(forwardLoop(plain.fields, alias, mark)).toBeNull();
  });
  it('passes so many of them at most', () => {
    const letters = 'abcdefghijklmnopqrstuvwxyz234567';
    const marks = Array.from({ length: 60 }, (_, i) =>
      `${letters[i % 32]}${letters[i >> 5]}`.padEnd(16, 'a'),
    );
    const { fields } = passedOn(plain, { marks, alias: null, switchOffUrl: null });
    expect(forwardLoop(fields, alias, mark)).toContain('51 aliases');
  });
});
