import type { ReceivedMail } from '#domain/inbound/received.ts';
import { noVerdicts } from '#domain/inbound/verdicts.ts';
import { type ReadMail, readReceived } from '../../worker/received/read-received.ts';

/** A received mail for tests: one of `test/fixtures/received`, or any other bytes, in an envelope of its own. */
export async function receivedMail(
  raw: string | Uint8Array<ArrayBuffer>,
  more: Partial<ReceivedMail> = {},
): Promise<ReceivedMail> {
  const bytes = typeof raw === 'string' ? new TextEncoder().encode(raw) : raw;
  return { ...envelopeOf(await readReceived(bytes)), ...more };
}

function envelopeOf(read: ReadMail): ReceivedMail {
  return {
    id: '019ac0de-0000-7000-8000-000000000000',
    receivedAtMs: Date.UTC(2026, 10, 26, 12),
    envelope: {
      from: 'sender@example.org',
      recipients: ['support+42@example.com'],
      remoteIp: '192.0.2.1',
      helo: 'mail.example.org',
      tls: true,
    },
    verdicts: noVerdicts,
    inReplyToMessage: null,
    disposable: '42',
    ...read,
  };
}
