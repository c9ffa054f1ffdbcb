import { addressSource as address } from '../address.ts';
import type { NoticeFamily } from './family.ts';

/** Exim, and those that write like it: 1&1 (Nemesis), GMX, mail.ru, MXLogic, Zoho, NTT's mail systems. */
export const exim: NoticeFamily = {
  name: 'exim',
  marks: [
    /this message was created automatically by (?:the )?(?:mail delivery software|.{0,40}mail)/i,
    /a message that you (?:have )?sent (?:could not be|has not (?:yet )?been|contained (?:no|one or more)) /i,
    /could not be delivered to (?:one or more of|all of) its\s+recipients/i,
    /^subject: warning: message \S+ delayed/im,
  ],
  recipients: [
    // What the sender wrote, in front of why it is no address.
    new RegExp(`^\\s{0,8}.{1,200}<(${address})>: malformed address`, 'i'),
    new RegExp(`^\\s{0,8}<?(${address})>?:?$`),
    new RegExp(`^\\s{0,8}["<]?(${address})[">]?: `),
    new RegExp(`^\\s{0,8}["<]?(${address})[">]?:$`),
    new RegExp(`^\\s{0,8}<?(${address})>? Invalid Address`),
    new RegExp(`^\\s{0,8}generated (?:by|from) (${address})`),
  ],
  copy: [
    /^-{1,12} ?This is a copy of (?:the|your) message/i,
    /^-{1,12} ?The (?:header|body) of the (?:original )?message (?:is|follows)/i,
    /^-{1,12} ?The body of the message is/i,
    /^Included is a copy of the message header/i,
  ],
};
