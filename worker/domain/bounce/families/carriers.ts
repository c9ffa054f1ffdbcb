import { addressSource as address } from '../address.ts';
import type { NoticeFamily } from './family.ts';

/** Japanese carriers: au (EZweb, KDDI), NTT DOCOMO, SoftBank; and mail gateways made there. */
export const carriers: NoticeFamily = {
  name: 'carriers',
  marks: [
    /each of the following recipients was rejected by a remote\s+mail server/i,
    /^subject: mail system error - returned mail/im,
    /^from: .{0,80}(?:mailer-daemon|postmaster)@(?:\S{1,40}\.)?(?:ezweb|docomo|softbank|dion|vodafone|au)\.(?:ne|com)\.?(?:jp)?/im,
    /次のあて先へのメッセージはエラーのため送信できません|以下のメールアドレスへの送信に失敗しました/,
    /^\s{0,8}could not be delivered to: </im,
    /「m-FILTER」/,
  ],
  recipients: [
    new RegExp(`^\\s{0,8}Recipient: <(${address})>`, 'i'),
    new RegExp(`^\\s{0,8}Could not be delivered to: <(${address})>`, 'i'),
    new RegExp(`^\\s{0,8}>>> RCPT TO:\\s?<(${address})>`, 'i'),
    new RegExp(`^\\s{0,8}<?(${address})>?$`),
  ],
  copy: [/^-{5,9} ?original message/i, /^-{40,60}$/],
};
