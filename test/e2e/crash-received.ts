import { setTimeout as pause } from 'node:timers/promises';
import { createTransport } from 'nodemailer';
import { z } from 'zod';

/** The domain that receives in the crash test. */
export const receivingDomain = 'in.crash.example';

/**
 * Brings mails to a node over a time, each again and again, the same octets, until it is told 250, as mail servers do.
 * @returns how many were taken
 */
export async function bringAll(of: { port: number; mails: number; overMs: number }): Promise<number> {
  const beganAt = performance.now();
  let next = 0;
  let taken = 0;
  const sender = async () => {
    while (next < of.mails) {
      const number = next++;
      const dueMs = (number / of.mails) * of.overMs - (performance.now() - beganAt);
      if (dueMs > 0) await pause(dueMs);
      while (!(await isTaken(of.port, number))) await pause(200 + Math.random() * 300);
      taken += 1;
    }
  };
  await Promise.all(Array.from({ length: 20 }, sender));
  return taken;
}

/** @throws Error when it is refused for good */
async function isTaken(port: number, number: number): Promise<boolean> {
  const transport = createTransport({ host: '127.0.0.1', port, ignoreTLS: true, socketTimeout: 20_000 });
  try {
    await transport.sendMail({
      envelope: { from: '', to: [`user${number}@${receivingDomain}`] },
      raw: `From: a@sender.example\r\nMessage-ID: <${number}@sender.example>\r\nSubject: Received ${number}\r\n\r\nNumber ${number}\r\n`,
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
