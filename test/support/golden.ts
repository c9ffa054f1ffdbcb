import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { type ReceivedFormat, receivedFormats, receivedPayload } from '#domain/inbound/formats/payload.ts';
import type { Verdicts } from '#domain/inbound/verdicts.ts';
import { receivedMail } from './received.ts';

const folder = new URL('../fixtures/received/', import.meta.url);

/** Real and odd mails of public test suites (see README.md there), without their ending. */
export const goldenNames = readdirSync(folder)
  .filter((name) => name.endsWith('.eml'))
  .map((name) => name.slice(0, -'.eml'.length));

/** What a receiver of each format sees: JSON as it is, a form as its fields in their order. */
export type Seen = Record<ReceivedFormat, unknown>;

/** What it is to see of a mail. */
export function goldenOf(name: string): Seen {
  return JSON.parse(readFileSync(new URL(`formats/${name}.json`, folder), 'utf8')) as Seen;
}

/** What it does see, by the runtime's own parsers of JSON and forms. */
export async function seenOf(name: string): Promise<Seen> {
  const raw = readFileSync(new URL(`${name}.eml`, folder));
  const mail = await receivedMail(new Uint8Array(raw), { verdicts });
  const source = {
    mail,
    attachmentUrl: ({ id }: { id: string }) => `https://api.test/attachments/${id}`,
    rawUrl: null,
  };
  const seen: Partial<Seen> = {};
  for (const format of receivedFormats) {
    const { contentType, body } = await receivedPayload(format, source, async () => new Uint8Array(raw));
    const bytes = await new Blob(body).arrayBuffer();
    const response = new Response(bytes, { headers: { 'Content-Type': contentType } });
    seen[format] =
      contentType === 'application/json'
        ? await response.json()
        : await fieldsOf(await response.formData(), Buffer.from(bytes).includes(raw) ? raw : Buffer.alloc(0));
  }
  return seen as Seen;
}

/** @param raw stands for the field `message`, which may be in any charset */
async function fieldsOf(form: FormData, raw: Buffer): Promise<[string, unknown][]> {
  const fields: [string, unknown][] = [];
  for (const [name, value] of form) {
    if (name === 'message') fields.push([name, { size: raw.length, sha256: digest(raw) }]);
    else if (typeof value === 'string') fields.push([name, value]);
    else {
      const bytes = new Uint8Array(await value.arrayBuffer());
      fields.push([
        name,
        { filename: value.name, type: value.type, size: bytes.length, sha256: digest(bytes) },
      ]);
    }
  }
  return fields;
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

const verdicts: Verdicts = {
  spf: { result: 'softfail', domain: 'bounces.example.org' },
  dkim: {
    result: 'pass',
    signatures: [
      { result: 'pass', domain: 'example.org', selector: 's1', algorithm: 'rsa-sha256', aligned: true },
      { result: 'fail', domain: 'list.example', selector: 'ed', algorithm: 'ed25519-sha256', aligned: false },
    ],
  },
  dmarc: {
    result: 'pass',
    domain: 'example.org',
    policy: 'quarantine',
    spfAligned: false,
    dkimAligned: true,
  },
  arc: { result: 'none', instance: 0 },
  reverse: null,
  spam: null,
};
