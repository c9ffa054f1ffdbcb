import { addressSource as address } from '../address.ts';
import type { NoticeFamily } from './family.ts';

/** Smaller servers, gateways and list managers, each with a sentence of its own. */
export const gateways: NoticeFamily = {
  name: 'gateways',
  marks: [
    // DragonFly Mail Agent, OpenSMTPD
    /this is the dragonfly mail agent|this is the mailer-daemon, please do not reply/i,
    // IMail
    /^(?:unknown user|invalid final delivery userid|user mailbox exceeds allowed size|delivery failed \d{1,3} attempts): |^undeliverable to:? <?\S{1,64}@/im,
    // InterScan, x6
    /message from interscan|we had trouble delivering your message/i,
    // fml, Majordomo
    /^you are not a member of this mailing list|^duplicated message-id in </im,
    // Carriers of North America: multimedia messages, James
    /^message could not be delivered to mobile/im,
    /^error message below:$/im,
  ],
  recipients: [
    new RegExp(
      `^(?:unknown user:|undeliverable to:?|delivery failed \\d{1,3} attempts:) <?(${address})>?`,
      'i',
    ),
    new RegExp(`^\\s{0,8}["<]?(${address})[">]?: `),
    new RegExp(`^\\s{0,8}RCPT TO: ?<?(${address})>?`, 'i'),
    new RegExp(`^there was an error delivering your mail to <(${address})>`, 'i'),
    new RegExp(`^unable to deliver message to <(${address})>`, 'i'),
    new RegExp(`^you are not a member of this mailing list <(${address})>`, 'i'),
    new RegExp(`^duplicated message-id in <(${address})>`, 'i'),
    new RegExp(`returned permanent errors: <?(${address})`, 'i'),
  ],
  copy: [
    /^message headers follow\.?$/i,
    /^original message follows\.?$/i,
    /^the attachment contains the original/i,
  ],
};
