import { addressSource as address } from '../address.ts';
import type { NoticeFamily } from './family.ts';

/** Amazon SES and WorkMail, where their report stands in the readable text. */
export const amazon: NoticeFamily = {
  name: 'amazon',
  marks: [
    /an error occurred while trying to deliver the mail to the following recipients/i,
    /^from: .{0,80}mailer-daemon@(?:\S{1,60}\.)?amazonses\.com/im,
  ],
  recipients: [new RegExp(`^\\s{0,4}<?(${address})>?$`)],
  copy: [],
};
