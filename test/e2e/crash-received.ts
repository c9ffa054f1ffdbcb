import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createTransport } from 'nodemailer';
import { z } from 'zod';

/** The domain that receives in the crash test. */
export const receivingDomain = 'in.crash.example';

/** Postfix's own client, which shares no code with the node. */
const smtpSource = '/usr/sbin/smtp-source';
/** What brings the mails. */
export const bringer = existsSync(smtpSource) ? 'smtp-source' : 'nodemailer, for there is no smtp-source';

interface Bringing {
  port: number;
  mails: number;
  overMs: number;
  /** Where the mails are written to. */
  folder: string;
}

/**
 * Brings mails to a node over a time, each again and again, the same octets, until it is told 250, as mail servers do.
 * @returns how many were taken
 */
export async function bringAll(of: Bringing): Promise<number> {
  const bring = existsSync(smtpSource) ? bySmtpSource : byNodemailer;
  const beganAt = performance.now();
  let next = 0;
  let taken = 0;
  const sender = async () => {
    while (next < of.mails) {
      const number = next++;
      const dueMs = (number / of.mails) * of.overMs - (performance.now() - beganAt);
      if (dueMs > 0) await pause(dueMs);
      while (!(await bring(of, number))) await pause(200 + Math.random() * 300);
      taken += 1;
    }
  };
  await Promise.all(Array.from({ length: 20 }, sender));
  return taken;
}

const recipientOf = (number: number) => `user${number}@${receivingDomain}`;
const mailOf = (number: number) =>
  `From: a@sender.example\nMessage-ID: <${number}@sender.example>\nSubject: Received ${number}\n\nNumber ${number}\n`;

/** Whether it was taken. @throws Error when it is refused for good */
async function bySmtpSource({ port, folder }: Bringing, number: number): Promise<boolean> {
  const file = join(folder, `${number}.eml`);
  await writeFile(file, mailOf(number));
  const session = ['-F', file, '-f', 'a@sender.example', '-t', recipientOf(number), `inet:127.0.0.1:${port}`];
  const said = await new Promise<string | null>((resolve) => {
    execFile(smtpSource, session, { timeout: 20_000 }, (error, _, stderr) =>
      resolve(error ? `${stderr}` : null),
    );
  });
  if (said === null) return true;
  if (/: 5\d\d[ -]/.test(said)) throw new Error(said);
  return false; // the node or the edge is away
}

/** Whether it was taken. @throws Error when it is refused for good */
async function byNodemailer({ port }: Bringing, number: number): Promise<boolean> {
  const transport = createTransport({ host: '127.0.0.1', port, ignoreTLS: true, socketTimeout: 20_000 });
  try {
    await transport.sendMail({
      envelope: { from: 'a@sender.example', to: [recipientOf(number)] },
      raw: mailOf(number),
    });
    return true;
  } catch (error) {
    const code = (error as { responseCode?: number }).responseCode ?? 0;
    if (code >= 500) throw error;
    return false; // the node or the edge is away
  } finally {
    transport.close();
  }
}

const page = z.object({
  emails: z.array(z.object({ id: z.string(), subject: z.string() })),
  next: z.string().nullable(),
});

/** The ids under which each mail is kept, by its number. */
export async function keptMails(edgeUrl: string, key: string): Promise<Map<number, string[]>> {
  const kept = new Map<number, string[]>();
  for (let cursor: string | null = null; ; ) {
    const query: string = cursor === null ? '' : `&cursor=${cursor}`;
    const response = await fetch(`${edgeUrl}/v1/inbound-emails?limit=100${query}`, {
      headers: { Authorization: `Bearer ${key}` },
    });
    const { emails, next } = page.parse(await response.json());
    for (const { id, subject } of emails) {
      const number = Number(/^Received (\d+)$/.exec(subject)?.[1]);
      kept.set(number, [...(kept.get(number) ?? []), id]);
    }
    if (next === null) return kept;
    cursor = next;
  }
}
