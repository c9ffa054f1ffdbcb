import { z } from 'zod';

/**
 * A name for a part of an account's mail, with statistics, suppressions and webhooks of its own. It says what the mail is for;
 * how urgent it is says its class.
 */

/** What a message without a name is of. Rows leave it out. */
export const defaultStream = 'transactional';

export const streamCharacters = 64;

export const streamName = z
  .string()
  .regex(
    new RegExp(`^[a-z0-9-]{1,${streamCharacters}}$`),
    `must have 1 to ${streamCharacters} characters of a-z, 0-9 and hyphens`,
  );

/** Of the column of a message's row. */
export function streamOf(column: unknown): string {
  return column === null || column === undefined ? defaultStream : String(column);
}
