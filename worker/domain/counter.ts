/** What is counted by day for the operator: one table; the store, `GET /admin/v1/counters` and the guide Receiving derive from it. */
export const counters = [
  { name: 'returned_recorded', about: 'mail to a return path that became an event' },
  { name: 'returned_repeated', about: 'the same mail again, or a report of what was known' },
  { name: 'returned_confirmation', about: 'a report of success (RFC 3464 delivered, relayed, expanded)' },
  {
    name: 'returned_unread',
    about: 'a notification (null sender, RFC 5321 §4.5.5) that tells nothing we can read',
  },
  { name: 'returned_unsent', about: 'about a delivery that has not been sent' },
  { name: 'returned_too_many', about: 'beyond what one delivery may collect' },
  { name: 'returned_gone', about: 'a good token whose message is no longer kept' },
  { name: 'feedback_other', about: 'a feedback report that is no complaint (RFC 6430, RFC 6591)' },
  { name: 'feedback_uncorrelated', about: 'a complaint about no message of ours that is kept' },
  {
    name: 'feedback_unverified',
    about: 'a complaint that anybody could have written: an event (`verified: false`), and suppresses nobody',
  },
  { name: 'relay_event_uncorrelated', about: 'an event of a relay about no message of ours that is kept' },
  { name: 'report_kept', about: 'a DMARC or TLS report about a domain, whose figures are shown' },
  { name: 'report_repeated', about: 'the same report again, or beyond what is kept of one day' },
  { name: 'report_unread', about: 'mail to an address for reports that brings none about that domain' },
  { name: 'token_forged', about: 'an address of the form of a return path whose token does not verify' },
  { name: 'address_unknown', about: 'any other address that mail came for and that is not here' },
] as const;

export type CounterName = (typeof counters)[number]['name'];
export const counterNames = counters.map((row) => row.name) as [CounterName, ...CounterName[]];
