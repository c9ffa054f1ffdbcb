import { addressSource as address } from '../address.ts';
import type { NoticeFamily } from './family.ts';

/** Yahoo, AOL's later form, and Yahoo Japan. */
export const yahoo: NoticeFamily = {
  name: 'yahoo',
  marks: [
    /we were unable to deliver your message to the following address/i,
    /^unable to deliver message to the following address/im,
    /^from: .{0,80}mailer-daemon@(?:\S{1,40}\.)?yahoo\./im,
  ],
  recipients: [new RegExp(`^<(${address})>:`), new RegExp(`^\\s{0,4}["<]?(${address})[">]?:?$`)],
  copy: [/^-{2,4} ?(?:below this line is a copy|original message follows)/i],
};
