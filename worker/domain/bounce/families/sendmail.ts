import { addressSource as address } from '../address.ts';
import type { NoticeFamily } from './family.ts';

/** Sendmail from version 5 on, and those that keep its transcript: Active!Hunter, Biglobe, Sun, IBM. */
export const sendmail: NoticeFamily = {
  name: 'sendmail',
  marks: [
    /^\s{0,8}-{3,8} ?(?:transcript of session follows|the following addresses had (?:permanent |transient |delivery )?(?:(?:non-)?fatal )?(?:errors|problems))/im,
    /^subject: (?:fwd?: ?)?returned mail: /im,
    /^subject: warning: could not send message for past/im,
  ],
  recipients: [
    new RegExp(`^\\s{0,4}(?:>>> )?<?(${address})>?(?: <[^<>]{1,320}>)?\\s{0,4}(?:[([].{0,80})?$`),
    new RegExp(`^\\s{0,4}>>> RCPT To:\\s?<(${address})>`, 'i'),
    new RegExp(`^\\s{0,4}[45]\\d\\d (?:[245]\\.\\d{1,3}\\.\\d{1,3} )?<?(${address})>?\\.\\.\\. `),
  ],
  copy: [
    /^\s{0,8}-{3,8} ?(?:unsent message follows|original message follows|message header follows|non-delivered mail)/i,
  ],
};
