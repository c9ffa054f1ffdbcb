/** The mailbox of a lab host: a Maildir read as raw files. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseReceivedMail, type ReceivedMail } from './received-mail.ts';
import { until } from './until.ts';

export interface MailQuery {
  /** The envelope recipient. */
  rcptTo?: string;
  subject?: string;
  /** With or without angle brackets. */
  messageId?: string;
}

export class Mailbox {
  readonly #dir: string;
  readonly #read = new Map<string, ReceivedMail>();

  constructor(maildir: string) {
    this.#dir = join(maildir, 'new');
  }

  /** Everything delivered that fits the query, in order of delivery. Each recipient has a copy of its own. */
  async list(query: MailQuery = {}): Promise<ReceivedMail[]> {
    const names = await readdir(this.#dir).catch(absentIsEmpty);
    for (const name of names.sort()) {
      if (this.#read.has(name)) continue;
      const file = join(this.#dir, name);
      this.#read.set(name, parseReceivedMail(file, await readFile(file)));
    }
    return [...this.#read.values()].filter((mail) => fits(mail, query));
  }

  /** Waits for the first mail that fits. Throws, saying what did come, after `timeoutMs`. */
  async waitFor(query: MailQuery, timeoutMs = 15_000): Promise<ReceivedMail> {
    const [mail] = await this.waitForCount(1, query, timeoutMs);
    if (!mail) throw new Error('none');
    return mail;
  }

  /** Waits for at least `count` mails that fit. */
  async waitForCount(count: number, query: MailQuery = {}, timeoutMs = 15_000): Promise<ReceivedMail[]> {
    try {
      return await until(JSON.stringify({ count, query }), timeoutMs, async () => {
        const mails = await this.list(query);
        return mails.length >= count && mails;
      });
    } catch (cause) {
      const came = (await this.list()).slice(-10).map(({ rcptTo, subject }) => `${rcptTo} ${subject}`);
      throw new Error(
        `only ${(await this.list(query)).length} of ${count} mails came for ${JSON.stringify(query)}; ` +
          `the mailbox ends with [${came.join(' | ')}]`,
        { cause },
      );
    }
  }
}

function fits(mail: ReceivedMail, { rcptTo, subject, messageId }: MailQuery): boolean {
  const bare = (id: string) => id.replace(/^<|>$/g, '');
  return (
    (rcptTo === undefined || mail.rcptTo === rcptTo) &&
    (subject === undefined || mail.subject === subject) &&
    (messageId === undefined || bare(mail.messageId) === bare(messageId))
  );
}

function absentIsEmpty(error: unknown): string[] {
  // Postfix makes the Maildir at the first delivery.
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
  throw error;
}
