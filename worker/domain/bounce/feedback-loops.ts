/** A feedback loop: who reports, and the From of its reports, which a signature of exactly that domain vouches for. */
export interface FeedbackLoop {
  name: string;
  /** Lower case. A domain alone: whatever address at exactly that domain. */
  from: string;
}

/**
 * Feedback loops whose signed reports suppress without a token of ours. Most domains have customers, so the whole
 * address counts. Only Yahoo publishes which domain signs (https://senders.yahooinc.com/faqs/); of the others the From is
 * known: Microsoft's from the FAQ of its JMRP, the rest from `config/Fbl.php` of https://github.com/AbuseIO/parser-fbl.
 * One that does not sign with the domain of its From stays unverified.
 */
export const feedbackLoops: readonly FeedbackLoop[] = [
  { name: 'Yahoo', from: 'feedback@arf.mail.yahoo.com' },
  { name: 'Microsoft JMRP', from: 'staff@hotmail.com' },
  { name: 'Fastmail', from: 'feedbackloop@fbl.fastmail.com' },
  { name: 'Zoho', from: 'feedbackloop@fbl.zoho.com' },
  { name: 'OpenSRS', from: 'feedbackloop@fbl.hostedemail.com' },
  { name: 'OpenSRS', from: 'feedbackloop@fbl-opensrs.app.returnpath.net' },
  { name: 'Comcast', from: 'feedbackloop@comcastfbl.senderscore.net' },
  { name: 'Mail.ru', from: 'feedbackloop@mailru.senderscore.net' },
  { name: 'Yandex', from: 'feedbackloop@yandexfbl.senderscore.net' },
  { name: 'Telenor', from: 'feedbackloop@telnorfbl.senderscore.net' },
  { name: 'Cox', from: 'feedbackloop@coxfbl.senderscore.net' },
  { name: 'Rackspace', from: 'feedbackloop@rackspacefbl.senderscore.net' },
  { name: 'Synacor', from: 'feedbackloop@synacorfbl.senderscore.net' },
  { name: 'Terra', from: 'feedbackloop@terrafbl.senderscore.net' },
  { name: 'USA.NET', from: 'feedbackloop@usanetfbl.senderscore.net' },
  { name: 'Italia Online', from: 'feedbackloop@italianonlinefbl.senderscore.net' },
  { name: 'XS4ALL', from: 'feedbackloop@xs4allfbl.senderscore.net' },
  { name: 'Locaweb', from: 'feedbackloop@localwebfbl.senderscore.net' },
  { name: 'BlueTie', from: 'feedbackloop@bluetiefbl.senderscore.net' },
];

/** What `FEEDBACK_LOOPS` may name: an address, or a domain from which nobody but the loop can send. */
export const feedbackLoopPattern = /^([a-z0-9._+-]{1,64}@)?([a-z0-9-]{1,63}\.)+[a-z0-9-]{2,63}$/;

/** True when reports of this author, whose domain's signature has passed, are those of a loop that is listed or added. */
export function isFeedbackLoop(signedAuthor: string, added: readonly string[]): boolean {
  const author = signedAuthor.toLowerCase();
  const domain = author.slice(author.lastIndexOf('@') + 1);
  return [...feedbackLoops.map(({ from }) => from), ...added].some(
    (from) => from === author || from === domain,
  );
}
