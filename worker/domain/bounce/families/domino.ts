import { addressSource as address } from '../address.ts';
import type { NoticeFamily } from './family.ts';

/** Lotus Notes and Domino. */
export const domino: NoticeFamily = {
  name: 'domino',
  marks: [
    /^\s{0,8}-{3,8} ?failure reasons? {0,4}-{3,8}/im,
    /^your message$[\s\S]{0,400}^(?:was not delivered to|could not be delivered)/im,
    /^subject: delivery failure: /im,
    /not listed in (?:domino|public name)|(?:in|by) (?:the )?domino directory/i,
  ],
  recipients: [
    new RegExp(`^\\s{0,8}(${address})$`),
    new RegExp(`^user .{0,60}\\((${address})\\) not listed`, 'i'),
  ],
  copy: [/^\s{0,8}-{3,8} ?returned message/i],
};
