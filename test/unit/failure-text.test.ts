import { describe, expect, it } from 'vitest';
import { classifyFailure } from '#domain/failure/classify-failure.ts';
import { type FailureClass, failureClassNames } from '#domain/failure/failure-class.ts';
import { statusRow, statusRows } from '#domain/failure/failure-status.ts';
import { textRules } from '#domain/failure/failure-text.ts';

/** What no server says: the reply does not tell, or a node finds it itself. */
type Unsaid = 'unknown' | 'tls';
/** What servers say, by the class that it tells. */
const samples: Record<Exclude<FailureClass, Unsaid>, string[]> = {
  greylisted: [
    'Greylisted, see http://postgrey.example.org/',
    'Please come back later',
    'First contact from this sender, try later',
  ],
  blocklisted: [
    'Your address is on our block list',
    'Listed in DNSBL',
    'See https://www.spamhaus.org/query/',
    'Poor reputation of the sending address',
    'Client host mx.example.com is blocked',
    '[192.0.2.1] is blocked here',
    'Access denied, banned sending IP',
    'Mail blocked using bl.example.org',
    'We block your server',
    'part of their network is on a list',
  ],
  auth: [
    'SPF check failed',
    'Unauthenticated mail is not accepted',
    'No reverse DNS for your address',
    'Client host rejected: cannot find your hostname',
    'Sender verify failed',
  ],
  relay_denied: [
    'Relay access denied',
    'Unable to relay for this address',
    "that domain isn't in my list of allowed rcpthosts",
  ],
  rate_limited: [
    'Too many connections from you',
    'Throttled',
    'User is receiving mail too quickly',
    'Unusual rate of mail',
    'Daily sending quota reached: connection rate limit is exceeded',
    'You exceed the allowed number of mails',
    'The number of messages per session is exceeded',
    'Please slow down',
  ],
  mailbox_full: [
    'Mailbox is full',
    'The user is over quota',
    'Not enough space',
    'Mailbox size limit is exceeded',
    'exceeded storage allocation',
    'mailbox has exceeded',
  ],
  too_large: ['Message is too large', 'Exceeds the maximum size'],
  network: [
    'Host example.org: try again',
    'Connection to mx.example.org refused',
    'Operation timed out',
    'Could not connect',
    'All hosts have been failing for a long time',
    'Could not deliver for the last 259200 seconds. Giving up.',
  ],
  bad_domain: [
    'Host or domain name not found',
    'Unknown host',
    'Domain example.org does not exist: domain not found',
    'NXDOMAIN',
    "Sorry, I couldn't find a mail exchanger or IP address",
    'The host does not accept mail',
    'An MX record indicates that example.org takes no mail: MX points to the root',
  ],
  inactive: [
    'The account is disabled',
    'Disabled user',
    'No mail after extended inactivity',
    'The recipient account is blocked',
  ],
  bad_mailbox: [
    'User unknown',
    'No such user',
    'There is no user by that name',
    "This user doesn't have a example.org account",
    'RecipientNotFound',
    'ディレクトリのリストにありません',
    'The recipient has moved',
    'The email account that you tried to reach does not exist',
    'Invalid final delivery userid',
  ],
  spam: ['This looks like spam', 'The content was classified as harmful', 'Refused by the content filter'],
  protocol: [
    'Syntax error',
    'Command not recognized',
    'Bad sequence',
    'Missing From header',
    "Duplicate header 'DKIM-Signature'",
  ],
  system: ['Internal error', 'Mail loop detected', 'Cannot open file'],
  policy: [
    'Refused',
    'Sender address rejected',
    'Unroutable sender',
    'Invalid domain name',
    'From: Domain is invalid. Use a proper From:',
    'Helo command rejected: Host not found',
    'MX of the sender does not exist',
    'Sender domain must exist',
  ],
};

describe('words of failures', () => {
  const rows = Object.entries(samples).flatMap(([name, texts]) => texts.map((text) => [text, name] as const));

  it.each(rows)('%s: %s', (text, name) => {
    const code = name === 'greylisted' || text.includes('try again') ? 450 : null;
    expect(classifyFailure({ code, status: null, text })).toBe(name);
  });

  const patterns = textRules.flatMap((rule) => rule.patterns.map((pattern) => ({ rule, pattern })));

  it.each(patterns)('has an example for $pattern', ({ rule, pattern }) => {
    const sayings = rule.status ? ['Recipient address rejected: Access denied'] : samplesOf(rule.class);
    expect(sayings.some((text) => pattern.test(text.toLowerCase()))).toBe(true);
  });
});

function samplesOf(name: FailureClass): string[] {
  return name === 'unknown' || name === 'tls' ? [] : samples[name];
}

describe('statuses of failures', () => {
  it.each(statusRows)('$status is found', (row) => {
    const status = row.status.replace('x', '5').replace('*', '77').replace('##', '42');
    expect(statusRow(status)).toBe(row);
    expect(failureClassNames).toContain(row.class);
  });

  it.each(['', '5', '5.1', '2.1.5', '5.0.0', '5.1.1.1', '5.1.1000', 'x.1.1', '5.8.1'])(
    '"%s" tells nothing',
    (status) => {
      expect(statusRow(status)).toBeNull();
    },
  );

  it.each(statusRows.filter((row) => row.firm))('$status stands against any words', (row) => {
    const status = row.status.replace('x', '5').replace('##', '42');
    expect(classifyFailure({ code: 550, status, text: 'User unknown, spam, greylisted' })).toBe(row.class);
  });
});
