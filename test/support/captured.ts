import { dkimVerify } from 'mailauth/lib/dkim/verify.js';
import { z } from 'zod';
import { until } from '../lab/until.ts';
import type { DomainFacts } from './api.ts';

const listed = z.object({
  id: z.string(),
  mailFrom: z.string(),
  rcptTo: z.array(z.string()),
  subject: z.string(),
  at: z.iso.datetime(),
});
export type CapturedMail = z.infer<typeof listed>;

/** What the capture MX shows by HTTP. */
export class Captured {
  readonly url: string;

  constructor(url: string | null) {
    if (url === null) throw new Error('there is no capture MX');
    this.url = url;
  }

  async list(): Promise<CapturedMail[]> {
    return z.array(listed).parse(await (await fetch(this.url)).json());
  }

  async raw(id: string): Promise<Buffer> {
    const response = await fetch(`${this.url}/${id}`);
    if (response.status !== 200) throw new Error(`GET ${this.url}/${id}: ${response.status}`);
    return Buffer.from(await response.arrayBuffer());
  }

  async withSubject(subject: string): Promise<CapturedMail[]> {
    return (await this.list()).filter((mail) => mail.subject === subject);
  }

  /** Waits for a mail with this subject. */
  async waitFor(subject: string, timeoutMs = 30_000): Promise<CapturedMail & { raw: Buffer }> {
    const mail = await until(`a captured mail "${subject}"`, timeoutMs, async () => {
      return (await this.withSubject(subject))[0];
    });
    return { ...mail, raw: await this.raw(mail.id) };
  }
}

/** What mailauth's verifier says of each DKIM signature, by the records that a domain is to publish. */
export async function dkimVerdicts(raw: Buffer, { dkim }: DomainFacts): Promise<string[]> {
  const { results } = await dkimVerify(raw, {
    resolver: async (name: string) => {
      const found = dkim.find(({ record }) => record.name === name);
      if (!found) throw Object.assign(new Error(`no such name: ${name}`), { code: 'ENOTFOUND' });
      return [[found.record.value]];
    },
  });
  return results.map((result) => `${result.algo} ${result.status.result}`).sort();
}
