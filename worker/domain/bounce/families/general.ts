import { addressSource as address } from '../address.ts';
import type { NoticeFamily } from './family.ts';

/**
 * What reports in prose have in common when no family is known. People write such words as well, so they count
 * only together with a daemon's address or a subject that tells a failure.
 */
export const general: NoticeFamily = {
  name: 'general',
  marks: [
    /(?:e-?mail|mail|message).{0,60} (?:could not be|couldn't be|was not|wasn't|cannot be|can't be|has not been) (?:sent|delivered)/i,
    /(?:unable|failed|not able|impossible|cannot) to deliver|delivery .{0,60}(?:failure|failed|error|unsuccessful|aborted)/i,
    /undeliver(?:able|ed)|did not reach|was rejected|has been rejected|returned to (?:you|the sender|sender)/i,
    /(?:mailbox|user|recipient|address).{0,60}(?:full|unknown|not found|does not exist|over quota|rejected)/i,
  ],
  recipients: [
    new RegExp(`^\\s{0,8}(?:[*•-] )?["<]?(${address})[">]?(?: <[^<>]{1,320}>)?\\s?:?$`),
    new RegExp(`^\\s{0,8}["<]?(${address})[">]?: `),
    new RegExp(
      `^\\s{0,8}(?:final |original |failed |invalid |target )?(?:recipient|rcpt to|mail address|address|to)s?\\s?: ?["'<]?(${address})`,
      'i',
    ),
    new RegExp(
      `(?:deliver(?:y|ed|ing)?|recipients?|mail(?:box)?|message|address(?:es)?|errors?|user|account)[ :]{1,2}(?:\\S{1,40} ){0,6}["'<]?(${address})`,
      'i',
    ),
  ],
  copy: [
    /^\s{0,8}(?:-{1,12} ?)?(?:the )?(?:original|returned|bounced|rejected|undelivered|your) (?:e-?mail|message|mail)(?: headers?)? ?(?:follows|is|below|begins|:|-{2,})/i,
    /^\s{0,8}below (?:this line )?is (?:a copy|the copy|the (?:original )?message)/i,
    /^\s{0,8}(?:-{1,12} ?)?(?:the )?message headers? follows?/i,
  ],
};
