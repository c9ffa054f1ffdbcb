import { parseMailbox, splitMailboxes } from '../../message/address.ts';
import type { ReceivedMail } from '../received.ts';

/** The values of a header field, joined; '' when it is not there. */
export function fieldOf({ headers }: Pick<ReceivedMail, 'headers'>, name: string): string {
  return headers
    .filter((field) => field.name.toLowerCase() === name)
    .map(({ value }) => value)
    .join(', ');
}

/** The mailboxes of a list; what is none is passed over. */
export function mailboxesIn(list: string): { name: string; address: string }[] {
  return splitMailboxes(list).flatMap((text) => {
    const mailbox = parseMailbox(text);
    return typeof mailbox === 'string' ? [] : [{ name: mailbox.name, address: mailbox.address }];
  });
}
