import { generateKeyPairSync } from 'node:crypto';
import type { DkimKey, LeasedDelivery } from '#domain/node-contract.ts';

/** A delivery as the edge leases it; the test says what matters. */
export function aDelivery(of: Partial<LeasedDelivery> = {}): LeasedDelivery {
  return {
    messageId: '0193a000-0000-7000-8000-000000000000',
    n: 0,
    leaseId: 'lease-1',
    leaseUntilMs: Date.now() + 600_000,
    class: 'standard',
    attempt: 1,
    mailFrom: 'b-token@bounces.pennypost.test',
    rcptTo: 'ann@example.test',
    signingDomain: 'sender.test',
    sizeBytes: 0,
    smtputf8: false,
    eightBit: false,
    raw: null,
    ...of,
  };
}

export const aMessage = Buffer.from(
  [
    'From: Sender <hello@sender.test>',
    'To: Ann <ann@example.test>',
    'Subject: A message',
    'Date: Sat, 21 Nov 2026 00:00:00 +0000',
    'Message-ID: <1@sender.test>',
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    '',
    'Hello.',
    '.a line that begins with a dot',
    '..and one with two',
    '',
  ].join('\r\n'),
);

export interface TestKey {
  key: DkimKey;
  /** The TXT record at `<selector>._domainkey.<domain>`. */
  record: string;
}

export function rsaKey(selector: string, bits = 2048): TestKey {
  const pair = generateKeyPairSync('rsa', { modulusLength: bits });
  const spki = pair.publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
  const privateKey = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  return { key: { selector, algorithm: 'rsa-sha256', privateKey }, record: `v=DKIM1; k=rsa; p=${spki}` };
}

export function ed25519Key(selector: string): TestKey {
  const pair = generateKeyPairSync('ed25519');
  // RFC 8463 §4: the 32 raw bytes, which end the SPKI form.
  const raw = pair.publicKey.export({ type: 'spki', format: 'der' }).subarray(-32).toString('base64');
  const privateKey = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  return {
    key: { selector, algorithm: 'ed25519-sha256', privateKey },
    record: `v=DKIM1; k=ed25519; p=${raw}`,
  };
}
