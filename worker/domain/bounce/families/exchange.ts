import { addressSource as address } from '../address.ts';
import type { NoticeFamily } from './family.ts';

/** Microsoft Exchange 5.5 to Exchange Online. */
export const exchange: NoticeFamily = {
  name: 'exchange',
  marks: [
    /did not reach the following recipient/i,
    /delivery has failed to these recipients or (?:groups|distribution lists)/i,
    /your message (?:could ?n[o']t be delivered|to .{1,320} could ?n[o']t be delivered|wasn't delivered)/i,
    /the following recipient\(s\) (?:could not|cannot) be reached/i,
    /^subject: (?:undeliverable|unzustellbar|non remis|no se puede entregar|non recapitabile|onbestelbaar|não é possível entregar|olevererbart|ikke levert|配信不能|無法傳遞|无法送达) ?[:：]/im,
    /diagnostic information for administrators|x-ms-exchange-message-is-ndr|remote server returned ['"<]?[45]/i,
  ],
  recipients: [
    // X.400 with the address as an attribute: `c=DE;a= ;p=EXAMPLE;o=Hub;dda:SMTP=anna@example.org; on Mon, …`
    new RegExp(`^.{0,300}\\bdda:SMTP=(${address});`, 'i'),
    new RegExp(`^\\s{0,8}<?(${address})>?\\s?<mailto:`, 'i'),
    new RegExp(`^.{1,100}[(<](${address})[)>]\\s?<mailto:`, 'i'),
    new RegExp(`^\\s{0,8}<?(${address})>? on (?:mon|tue|wed|thu|fri|sat|sun|\\d)`, 'i'),
    new RegExp(`did not reach the following recipient(?:\\(s\\))?:? {0,4}<?(${address})>?$`, 'i'),
    new RegExp(`^your message to <?(${address})>? could`, 'i'),
    new RegExp(`^\\s{0,8}['"<]?(${address})['">]?$`),
  ],
  copy: [/^original message headers:/i],
};
