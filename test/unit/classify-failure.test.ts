import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { classifyFailure } from '#domain/failure/classify-failure.ts';
import { type FailureClass, failureClasses, suppresses } from '#domain/failure/failure-class.ts';

type Row = [code: number | null, status: string | null, text: string, expected: FailureClass];

const byStatus: Row[] = [
  [550, '5.1.1', 'User unknown', 'bad_mailbox'],
  [550, '5.1.1', '', 'bad_mailbox'],
  [null, '5.1.1', 'spam-trap@example.org no such user', 'bad_mailbox'],
  [
    550,
    '5.1.1',
    'Service unavailable; client host [192.0.2.1] blocked using zen.spamhaus.org',
    'blocklisted',
  ],
  [550, '5.1.2', '', 'bad_domain'],
  [556, '5.1.10', 'Domain does not accept mail (nullMX)', 'bad_domain'],
  [
    550,
    '5.1.10',
    'RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup',
    'bad_mailbox',
  ],
  [550, '5.2.1', 'The email account that you tried to reach is disabled.', 'inactive'],
  [450, '4.2.1', 'The user you are trying to contact is receiving mail too quickly.', 'rate_limited'],
  [552, '5.2.2', 'no more room', 'mailbox_full'],
  [452, '4.2.2', 'The email account that you tried to reach is over quota.', 'mailbox_full'],
  [552, '5.3.4', 'Message size exceeds fixed maximum message size', 'too_large'],
  [552, '5.2.3', '', 'too_large'],
  [450, '4.3.2', '', 'system'],
  [null, '4.4.1', '', 'network'],
  [null, '4.4.7', 'delivery temporarily suspended', 'network'],
  [null, '5.4.4', 'Host or domain name not found. Name service error for name=example.org', 'bad_domain'],
  [550, '5.4.1', 'Recipient address rejected: Access denied.', 'bad_mailbox'],
  [550, '5.5.1', 'huh', 'protocol'],
  [553, '5.6.7', '', 'protocol'],
  [550, '5.7.23', 'SPF validation failed', 'auth'],
  [550, '5.7.26', '', 'auth'],
  [550, '5.7.28', '', 'rate_limited'],
  [550, '5.7.606', 'Access denied, banned sending IP [192.0.2.1]', 'blocklisted'],
];

const refinedByText: Row[] = [
  [550, '5.7.1', 'Message refused', 'policy'],
  [550, '5.7.1', '', 'policy'],
  [554, '5.7.1', 'This message has been classified as spam', 'spam'],
  [554, '5.7.1', 'Service unavailable; Client host [192.0.2.9] blocked using bl.spamcop.net', 'blocklisted'],
  [554, '5.7.1', '<a@example.org>: Relay access denied', 'relay_denied'],
  [550, '5.7.1', 'Unauthenticated email is not accepted due to domain DMARC policy', 'auth'],
  [450, '4.7.1', '<a@example.org>: Recipient address rejected: Greylisted', 'greylisted'],
  [450, '4.1.1', 'Recipient address rejected: Greylisting in action, please come back later', 'greylisted'],
  [421, '4.7.0', 'Our system has detected an unusual rate of unsolicited mail', 'rate_limited'],
  [421, '4.7.0', 'Too many concurrent connections from your IP', 'rate_limited'],
  [550, '5.0.0', 'No such user here', 'bad_mailbox'],
  [550, '5.5.0', 'Requested action not taken: mailbox unavailable, user not found', 'bad_mailbox'],
  [554, '5.0.0', '', 'unknown'],
  [550, '5.5.0', 'Requested action not taken: mailbox unavailable', 'unknown'],
  [550, '5.1.8', '<a@example.com>: Sender address rejected: Domain not found', 'policy'],
  [501, '5.0.0', 'Invalid domain name', 'protocol'],
  [550, '5.7.1', "5.1.0 - Unknown address error 550-'5.7.1 <a@example.org>... Access denied'", 'policy'],
  [null, '5.4.4', 'Name service error for name=example.org type=MX: Malformed reply', 'network'],
  [null, '4.4.4', 'Host or domain name not found. type=MX: Host not found, try again', 'network'],
  [554, '5.7.1', 'You are not allowed to send to this recipient: mailbox is for members only', 'policy'],
  [421, '4.7.0', '[TS02] Messages temporarily deferred due to user complaints', 'rate_limited'],
  [550, '5.1.1', 'Mailbox disabled, not accepting messages', 'inactive'],
  [451, '4.7.500', 'Server busy. Please try again later', 'system'],
  [550, '5.7.511', 'Access denied, banned sender', 'blocklisted'],
  [553, '5.1.3', 'The recipient address is not a valid RFC 5321 address', 'bad_mailbox'],
];

const withoutStatus: Row[] = [
  [550, null, 'Requested action not taken: mailbox unavailable', 'unknown'],
  [550, null, 'denied', 'policy'],
  [550, null, '', 'unknown'],
  [550, null, 'Unknown user', 'bad_mailbox'],
  [
    550,
    null,
    '<a@example.org>: Recipient address rejected: User unknown in relay recipient table',
    'bad_mailbox',
  ],
  [550, null, 'Sorry, no mailbox here by that name. (#5.1.1)', 'bad_mailbox'],
  [550, null, 'sorry, no such account', 'bad_mailbox'],
  [550, null, 'This account has been disabled', 'inactive'],
  [552, null, 'Requested mail action aborted: exceeded storage allocation', 'mailbox_full'],
  [552, null, 'Message too large', 'too_large'],
  [553, null, "sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)", 'relay_denied'],
  [550, null, 'Relaying denied', 'relay_denied'],
  [421, null, 'Service not available', 'system'],
  [421, null, 'too many connections from your host', 'rate_limited'],
  [451, null, 'Greylisted, please try again in 300 seconds', 'greylisted'],
  [500, null, 'eh', 'protocol'],
  [556, null, '', 'bad_domain'],
  [null, null, 'connect to mx.example.org[192.0.2.1]:25: Connection timed out', 'network'],
  [null, null, 'Host not found', 'bad_domain'],
  [null, null, '', 'unknown'],
  [550, null, 'Recipient address rejected: Domain not found', 'bad_domain'],
  [550, null, 'Unroutable sender address', 'policy'],
  [554, null, "You've reached your daily relay quota", 'rate_limited'],
  [550, null, 'The account is over its quota', 'mailbox_full'],
  [
    null,
    null,
    'lost connection with mx.example.org[192.0.2.1] while performing the HELO handshake',
    'network',
  ],
  [null, null, "The number of messages in recipient's mailbox exceeded the local limit", 'mailbox_full'],
  [554, null, 'Fix reverse DNS for 192.0.2.1', 'auth'],
  [550, null, 'Your message was rejected because it contains a virus', 'spam'],
];

describe('classifyFailure', () => {
  for (const [title, rows] of Object.entries({ byStatus, refinedByText, withoutStatus })) {
    it.each(rows)(`${title}: %s %s %s is %s`, (code, status, text, expected) => {
      expect(classifyFailure({ code, status, text })).toBe(expected);
    });
  }

  it('knows a class for whatever it is given', () => {
    const names = failureClasses.map((row) => row.name);
    const facts = fc.record({
      code: fc.option(fc.integer()),
      status: fc.option(fc.oneof(fc.string(), fc.stringMatching(/^[45]\.\d{1,3}\.\d{1,3}$/))),
      text: fc.string({ maxLength: 9000 }),
    });
    fc.assert(fc.property(facts, (given) => names.includes(classifyFailure(given))));
  });

  it.each(['a', ' ', 'a ', 'user ', 'mail mail ', 'host a ', 'exceeded the ', 'a@', '<a', 'message ', '12 '])(
    'stays quick on a megabyte of "%s"',
    (unit) => {
      const started = performance.now();
      classifyFailure({ code: 450, status: null, text: unit.repeat(1_000_000 / unit.length) });
      expect(performance.now() - started).toBeLessThan(250);
    },
  );
});

describe('suppresses', () => {
  it('holds for permanent failures of the recipient alone', () => {
    const suppressing = failureClasses.filter((row) => suppresses(row.name, true)).map((row) => row.name);
    expect(suppressing).toEqual(['bad_mailbox', 'bad_domain', 'inactive']);
    expect(failureClasses.some((row) => suppresses(row.name, false))).toBe(false);
  });
});
