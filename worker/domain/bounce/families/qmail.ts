import { addressSource as address } from '../address.ts';
import type { NoticeFamily } from './family.ts';

/** qmail-send, netqmail, s/qmail and what copies their form (QSBMF, cr.yp.to/proto/qsbmf.txt). */
export const qmail: NoticeFamily = {
  name: 'qmail',
  marks: [
    /this is the (?:qmail-send|qsmtp) program/i,
    /^\s{0,8}hi\. this is the .{1,80} (?:program|server)/im,
    /i(?:'m| am) afraid i wasn'?t able to deliver your message/i,
    /^this message bounced because of an error/im,
  ],
  recipients: [new RegExp(`^<(${address})>:`), new RegExp(`^<(${address})>$`)],
  copy: [/^-{1,12} ?(?:Below this line is (?:a|the) copy|Enclosed is a copy|Undelivered message follows)/i],
};
