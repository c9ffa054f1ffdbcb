import { addressSource as address } from '../address.ts';
import type { NoticeFamily } from './family.ts';

/** The words of Postfix, where its report part was lost, and the transcripts that it sends to postmasters. */
export const postfix: NoticeFamily = {
  name: 'postfix',
  marks: [/this is the (?:mail system|postfix program) at/i, /^subject: postfix smtp server: errors from/im],
  recipients: [
    new RegExp(`^<(${address})>(?: \\(expanded from <[^<>]{1,320}>\\))?:`),
    new RegExp(`^\\s{0,4}In: {1,3}RCPT TO:\\s{0,2}<(${address})>`, 'i'),
  ],
  copy: [/^-{2,12} ?(?:Message header follows|Undelivered Message)/i],
};
