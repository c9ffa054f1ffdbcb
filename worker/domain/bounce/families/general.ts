import { addressSource as address } from '../address.ts';
import { failureWords, recipientLabels } from '../languages.ts';
import type { NoticeFamily } from './family.ts';

/**
 * What reports in prose have in common when no family is known. People write such words as well, so they count
 * only together with a daemon's address or a subject that tells a failure.
 */
export const general: NoticeFamily = {
  name: 'general',
  marks: [failureWords],
  recipients: [
    new RegExp(`^\\s{0,8}(?:[*•-] )?["<]?(${address})[">]?(?: <[^<>]{1,320}>)?\\s?:?$`),
    new RegExp(`^\\s{0,8}["<]?(${address})[">]?(?: -|:) `),
    new RegExp(`^\\s{0,8}(?:${recipientLabels})\\s?[:：] {0,8}["'<]?(${address})`, 'i'),
    new RegExp(`\\baddressed to ["'<]?(${address})`, 'i'),
    new RegExp(
      `(?:deliver(?:y|ed|ing)?|recipients?|mail(?:box)?|message|address(?:es)?|errors?|user|account)[ :]{1,2}(?:\\S{1,40} ){0,6}["'<]?(${address})`,
      'i',
    ),
    new RegExp(`^\\s{0,8}to\\s?: ?["'<]?(${address})`, 'i'),
  ],
  copy: [
    /^\s{0,8}(?:-{1,12} ?)?(?:begin )?(?:the )?(?:original|returned|bounced|rejected|undelivered|your) (?:e-?mail|message|mail|letter)(?: headers?)? ?(?:follows|is|below|begins|:|-{2,})/i,
    /^\s{0,8}below (?:this line )?is (?:a copy|the copy|the (?:original )?message)/i,
    /^\s{0,8}(?:-{1,12} ?)?(?:the )?message headers? follows?/i,
  ],
};
