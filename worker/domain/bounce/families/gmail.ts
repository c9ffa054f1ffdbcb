import { addressSource as address } from '../address.ts';
import type { NoticeFamily } from './family.ts';

/** Gmail, Google Workspace and Google Groups. */
export const gmail: NoticeFamily = {
  name: 'gmail',
  marks: [
    /^delivery to the following recipients? (?:failed|has been delayed)/im,
    /technical details of (?:permanent|temporary) failure/i,
    /^from: .{0,80}mailer-daemon@(?:googlemail|google)\.com/im,
    /\*\* (?:address not found|message (?:blocked|not delivered)|delivery incomplete) \*\*/i,
    /the group you tried to contact/i,
  ],
  recipients: [
    new RegExp(`^\\s{0,8}(${address})$`),
    new RegExp(`(?:delivered to|delivering (?:your message )?to|message to) (${address})`, 'i'),
  ],
  copy: [/^-{3,8} ?(?:original|forwarded) message ?-{3,8}/i],
};
