import { readFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { SMTPServer } from 'smtp-server';
import { SMTPConnection } from 'smtp-server/lib/smtp-connection.js';
import { formatReply } from '#domain/failure/smtp-reply.ts';
import { dotStuffed } from '../../smtp-node/outbound/dot-stuffing.ts';
import { envelopeOf } from '../../smtp-node/outbound/envelope.ts';
import { parseExtensions } from '../../smtp-node/outbound/extensions.ts';
import { StepFailure } from '../../smtp-node/outbound/failures.ts';
import { parseJournal } from '../../smtp-node/outbound/journal-record.ts';
import { ReplyReader } from '../../smtp-node/outbound/reply-reader.ts';
import { RelaxedBody } from '../../smtp-node/signing/canonical-body.ts';
import { canonicalHeader } from '../../smtp-node/signing/canonical-header.ts';
import { addressKey } from '../../smtp-node/submission/address-limits.ts';
import { BareLineEndScan } from '../../smtp-node/submission/bare-line-end.ts';
import { asciiDomain, faultOfMailbox } from '../../smtp-node/submission/recipients.ts';
import { octets, type Target } from './target.ts';

const addresses = [
  'a@b.example',
  '<a@b.example>',
  '"a b"@c.example',
  'ü.example',
  'xn--',
  '@r.example:',
  '[192.0.2.1]',
  ' SIZE=',
  'BODY=8BITMIME',
  '+41',
];

// It listens nowhere: the library's parser of MAIL and RCPT is a method of a connection.
const pem = (name: string) => readFileSync(`${import.meta.dirname}/../support/fake-mx-${name}.pem`, 'utf8');
const server = new SMTPServer({ authOptional: true, cert: pem('cert'), key: pem('key') });
const idle = new SMTPConnection(server, new PassThrough() as never, {});

const inPieces = (bytes: Buffer) =>
  Array.from({ length: Math.ceil(bytes.length / 1000) }, (_, i) => bytes.subarray(i * 1000, (i + 1) * 1000));

/** Replies until the stream ends, and how it ended. */
async function replies(text: string): Promise<string[]> {
  const stream = new PassThrough();
  const reader = new ReplyReader(stream);
  for (const piece of inPieces(octets(text))) stream.write(piece);
  stream.end();
  const read: string[] = [];
  for (;;) {
    try {
      read.push(formatReply(await reader.next('mail', 60_000)));
    } catch (error) {
      if (!(error instanceof StepFailure)) throw error;
      return [...read, error.kind];
    }
  }
}

async function stuffed(bytes: Buffer): Promise<number> {
  let length = 0;
  async function* pieces() {
    yield* inPieces(bytes);
  }
  for await (const piece of dotStuffed(pieces())) length += piece.length;
  return length;
}

/** What clients and peers of the node say, and what it has kept. */
export const smtpTargets: readonly Target[] = [
  {
    name: 'MAIL and RCPT',
    blocks: ['MAIL FROM:', ...addresses],
    // smtp-server cuts off whoever sends a longer line.
    most: 4096,
    read: (text) => idle._parseAddressCommand('MAIL FROM', `MAIL FROM:${text}`),
  },
  {
    name: 'address of an envelope',
    blocks: addresses,
    most: 4096,
    read: (text) => [
      asciiDomain(text),
      faultOfMailbox(text, '501 5.1.3')?.message,
      envelopeOf({ mailFrom: text, rcptTo: text }),
    ],
  },
  {
    name: 'lines of DATA',
    blocks: ['\r\n.\r\n', '\n.\n', '\r.\r', '..'],
    read: async (text) => [new BareLineEndScan().push(octets(text)), await stuffed(octets(text))],
  },
  {
    name: 'message that is signed',
    blocks: ['From: a@b\r\n', ' folded\r\n', '\r\n', '\r\n\r\n', ' \t', '\n', 'A:'],
    read: (text) => {
      const body = new RelaxedBody();
      for (const piece of inPieces(octets(text))) body.update(piece);
      return [canonicalHeader(octets(text)), body.digest()];
    },
  },
  { name: 'replies of a peer', blocks: ['250-', '250 ', '550 5.1.1 ', '\r\n', '\n', '2.0.0'], read: replies },
  {
    name: 'extensions of a peer',
    blocks: ['SIZE ', '123', '\n', 'STARTTLS', '8BITMIME', '  '],
    read: (text) => parseExtensions(text.split('\n')),
  },
  {
    name: 'journal',
    blocks: ['00000000 ', '{"type":"sending"', '\n', '}', 'cbf43926 123456789\n'],
    read: parseJournal,
  },
  {
    name: 'address of a client',
    blocks: ['::ffff:', '192.0.2.1', '2001:db8::', ':', '%eth0'],
    most: 256,
    read: addressKey,
  },
];
