import { addressSource as address } from '../address.ts';
import type { NoticeFamily } from './family.ts';

/** Courier MTA. */
export const courier: NoticeFamily = {
  name: 'courier',
  marks: [
    /this is a delivery status notification from .{1,120}\s*running the courier mail server/i,
    /the original message was received on .{1,120}\s+from /i,
    /unless indicated otherwise, .{0,40}\s*delivery failed/i,
  ],
  recipients: [new RegExp(`^\\s{0,8}<(${address})>:?$`)],
  copy: [/^-{10,90}\s{0,4}if your message was also sent/i],
};
