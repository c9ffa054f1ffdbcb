import { describe, expect, it } from 'vitest';
import { complains, readFeedback } from '#domain/bounce/arf.ts';
import { isAutoReply } from '#domain/bounce/auto-reply.ts';
import { readDsn } from '#domain/bounce/dsn.ts';

describe('readDsn', () => {
  const recipients: [field: string, address: string][] = [
    ['rfc822; anna@example.org', 'anna@example.org'],
    ['rfc822;<anna@example.org>', 'anna@example.org'],
    ['RFC822 ; anna@example.org (Anna)', 'anna@example.org'],
    ['anna@example.org', 'anna@example.org'],
    ['rfc822; "a b"@example.org', '"a b"@example.org'],
    ['utf-8; \\x{E4}nna@example.org', 'änna@example.org'],
    ['utf-8; änna@example.org', 'änna@example.org'],
    ['LOCAL; anna', 'anna'],
    ['rfc822; b=2Banna=example.org@example.net', 'b=2Banna=example.org@example.net'],
    // A file or a program: somebody else has to say whose it was.
    ['rfc822; |/usr/bin/procmail', ''],
    ['X-Unix; /var/mail/anna', ''],
  ];

  it.each(recipients)('Final-Recipient: %s', (field, address) => {
    const text = `Reporting-MTA: dns; mx\n\nFinal-Recipient: ${field}\nAction: failed\nStatus: 5.1.1\n`;
    expect(readDsn(text).map((report) => report.recipient)).toEqual([address]);
  });

  it('prefers an address to the name of a local user', () => {
    const text =
      'Final-Recipient: LOCAL; anna\nOriginal-Recipient: rfc822;anna@example.org\nAction: failed\n';
    expect(readDsn(text)[0]?.recipient).toBe('anna@example.org');
  });

  const actions: [lines: string, action: string][] = [
    ['Action: failed', 'failed'],
    ['Action: Delayed', 'delayed'],
    ['Action: delivered (to mailbox)', 'delivered'],
    ['Action: relayed', 'relayed'],
    ['Action: expanded', 'expanded'],
    ['Action: expired', 'failed'],
    ['Status: 2.0.0', 'delivered'],
    ['Status: 4.4.7', 'failed'],
    ['Action: gone\nStatus: 5.1.1', 'failed'],
  ];

  it.each(actions)('%s', (lines, action) => {
    expect(readDsn(`Final-Recipient: rfc822; a@example.org\n${lines}\n`)[0]?.action).toBe(action);
  });

  it('reads the comment of a status as what was said', () => {
    const text =
      'Final-Recipient: rfc822; a@example.org\nAction: failed\nStatus: 4.4.0 (host lookup failure)\n';
    expect(readDsn(text)[0]).toMatchObject({ status: '4.4.0', diagnostic: 'host lookup failure' });
  });

  it('unfolds a diagnostic and drops its type', () => {
    const text =
      'Final-Recipient: rfc822; a@example.org\nAction: failed\nDiagnostic-Code: smtp; 550\n\tno\n  user\n';
    expect(readDsn(text)[0]?.diagnostic).toBe('550 no user');
  });

  it('reads a recipient without a name, and none where nothing is told', () => {
    expect(readDsn('Reporting-MTA: dns; mx\n\nAction: failed\nStatus: 5.1.1\n')).toMatchObject([
      { recipient: '', action: 'failed', status: '5.1.1' },
    ]);
    expect(readDsn('Reporting-MTA: dns; mx\nArrival-Date: x\n')).toEqual([]);
    expect(readDsn('Final-Recipient: rfc822; a@example.org\n')).toEqual([]);
    expect(readDsn('Status: 5.1.1\n')).toEqual([]);
  });

  it('reads at most a hundred recipients', () => {
    const group = (i: number) => `Final-Recipient: rfc822; a${i}@example.org\nAction: failed\n`;
    const text = Array.from({ length: 300 }, (_, i) => group(i)).join('\n');
    expect(readDsn(text)).toHaveLength(100);
  });
});

describe('readFeedback', () => {
  it('reads several recipients, each once', () => {
    const text =
      'Feedback-Type: Opt-Out\nOriginal-Rcpt-To: <a@example.org>\nOriginal-Rcpt-To: A@example.org, b@example.org\n';
    expect(readFeedback(text)).toEqual({
      type: 'opt-out',
      source: null,
      recipients: ['a@example.org', 'b@example.org'],
    });
  });

  it('knows which types are complaints', () => {
    const types = ['abuse', 'fraud', 'virus', 'other', 'opt-out', 'not-spam', 'auth-failure'];
    expect(types.filter(complains)).toEqual(['abuse', 'fraud', 'virus', 'other', 'opt-out']);
  });

  it('is none without a type', () => {
    expect(readFeedback('User-Agent: x\n')).toBeNull();
  });
});

describe('isAutoReply', () => {
  const automatic: [name: string, value: string][] = [
    ['auto-submitted', 'auto-replied'],
    ['auto-submitted', 'Auto-Generated'],
    ['x-autoreply', 'yes'],
    ['x-autorespond', 'vacation'],
    ['x-auto-response-suppress', 'OOF, AutoReply'],
    ['precedence', 'auto_reply'],
    ['content-type', 'multipart/report; report-type=disposition-notification; boundary=b'],
    ['subject', 'Automatic reply: Your order'],
    ['subject', 'Re: Out of Office'],
    ['subject', 'Abwesenheitsnotiz: Bestellung'],
    ['subject', 'Réponse automatique : commande'],
    ['subject', '自動応答: ご注文'],
  ];

  it.each(automatic)('%s: %s', (name, value) => {
    expect(isAutoReply([{ name, value }])).toBe(true);
  });

  const personal: [name: string, value: string][] = [
    ['auto-submitted', 'no'],
    ['x-autoreply', 'no'],
    ['precedence', 'bulk'],
    ['x-auto-response-suppress', 'None'],
    ['subject', 'Re: Your automatic order'],
    ['subject', 'Automobile for sale'],
    ['content-type', 'multipart/report; report-type=delivery-status'],
  ];

  it.each(personal)('not %s: %s', (name, value) => {
    expect(isAutoReply([{ name, value }])).toBe(false);
  });
});
