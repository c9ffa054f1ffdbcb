/** Made from worker/docs/receiving.md by `npm run docs`; change it there. */
export const text = `# Receiving

A domain of the type \`inbound\` or \`both\` receives once its ownership and its MX (\`10 mx.<SERVICE_DOMAIN>\`) are found: mail
comes to port 25 of the nodes, or by Email Routing (\`email()\`), which is the fallback, for it tells nothing of the client.

- **At the door** every refusal is said in the session, so nothing bounces later: 550 5.1.1 for an address that no route takes
  (\`postmaster@\` and \`abuse@\` are always taken), 550 5.1.2 for a domain that is not here, 552 5.3.4 over 25 MiB, 452 4.5.3 past
  50 recipients or for a recipient that needs a mail of its own (another account's), 554 5.4.6 for loops (more than 50
  \`Received\`, or our own \`Delivered-To\`), 451 while the edge is away. 250 is said when the mail is in R2 and D1, or, should the
  edge go away in between, safe on the node's disk, from where it is handed over under the same id. STARTTLS is offered.
- **Judged on arrival** by mailauth: SPF, DKIM, DMARC, ARC, reverse DNS. With \`refuse_dmarc\` (\`PATCH /v1/domains/:id\`) mail
  is refused that fails DMARC where its author's domain asks for that (\`p=reject\`). An rspamd beside the node
  (\`PENNYPOST_RSPAMD_URL\`) adds \`spam {score, action, symbols}\`, a fact that refuses nothing by itself.
- **Routes** of a domain say what is done by local part: \`info\`, a prefix (\`support+*\`) or \`*\`, the more exact one first;
  \`webhook\` (endpoints, none named: all), \`forward\` (addresses, at domains of the type \`both\`, which sign), \`drop\` or \`refuse\` with
  a text. A new domain has \`*\` to all endpoints.
  \`POST /v1/domains/:id/routes/test {to}\`, or the page Routes, tells what would be done with an address and why.
- **Rules** of a domain (\`POST /v1/domains/:id/rules {name, conditions, action, priority}\`, or the page Rules) look at mail that
  its routes or aliases take: sender, its domain, subject, a header field, SPF, DKIM; \`equals\`, \`contains\`, \`starts_with\`,
  \`matches\`…; the first one whose conditions all hold acts in place of the route or alias: \`webhook\`, \`forward\` (addresses that
  agree first, at domains that sign), \`drop\` or \`refuse\`. Those with an \`alias_id\` look at the mail of that alias alone and go
  before the others; then the smaller \`priority\` does. At \`ALIAS_DOMAIN\` an account has rules for its own aliases. Patterns take
  time linear in the text. One that refuses, or forwards to somebody who has not agreed yet, says so in the session, so that the
  sender waits for it; while the edge is away it hears 451. Owners' answers to masked mail pass no rule.
- **Answered** by \`POST /v1/inbound-emails/:id/reply\`, or on the page of the mail: as \`POST /v1/send\`, in its thread; \`from\`,
  \`to\` and \`subject\` may be left out.
- **Told** by webhooks of any endpoint whose \`events\` hold \`email.received\` (or are null), in its \`format\`: \`event\`,
  \`postscale\`, \`resend\` (which names the mail, and no more), \`postmark\`, \`cloudmailin\`, \`cloudmailin-multipart\` or \`raw\`; the last four
  may have user and password in their URL. Larger
  attachments are fetched by links that hold for 24 hours. The answer of a \`synchronous\` endpoint (by default those of the
  CloudMailin formats) is the reply to the sender, within 45 seconds: 2xx → 250, 4xx → 554 with the words of a plain text,
  anything else → 450. All others are tried again as every webhook is.
- **An endpoint may be bound** to mail of a \`domain\` and, of that, to an \`address_pattern\` as routes have them; it then hears of
  received mail only, unless \`events\` names more. Its \`authorization_url\` is asked at each RCPT by a signed POST of
  \`{size, to, from, remote_ip, helo_domain, spf: {result, domain}}\`, within 5 seconds: 2xx takes the recipient, 4xx → 550 with
  the words of a plain text, anything else → 450.
- \`in_reply_to_message\` is the id of the sent message that a mail answers, by \`In-Reply-To\` or \`References\`.
- What was received is kept as messages are: 30 days, its content for \`content_days\`. It counts for no warming, and costs five
  rows of D1 and an object of R2 with its delivery to one endpoint: 12 to 13 USD a million of 4 kB by list prices
  (\`npm run bench -- received\`).

The calls are listed in [The API at a glance](api-at-a-glance.md#receiving).

## Aliases

Every address of a domain of the type \`alias\` is an alias or refused (but for \`postmaster@\` and \`abuse@\`). Its mail is sent on
to addresses that have agreed. Such a domain needs SPF and DKIM beside its MX, for what is sent on in its name. \`ALIAS_DOMAIN\`
is one at which every account may have aliases (\`/v1/shield/aliases\`); its page is Aliases.

- **Who gets it must agree**: each address gets a mail with a link that is good once, within seven days; an account may ask five
  new ones a day, for all of its aliases and \`forward\` routes together. Until then mail is put off at RCPT (450), so that its
  sender keeps it, and a day after the address was named it is refused (550 5.1.1). Where others of the alias have agreed, they
  get it. The operator can vouch instead: \`POST /admin/v1/accounts/:id/destinations {address}\`.
- **What is sent on** is a message of the account with deliveries, events and retries like any other. It stays as it came but
  for \`Received\`, \`Delivered-To\`, an ARC set (RFC 8617) that tells what was found on arrival, and \`List-Unsubscribe\` with a
  link that switches the alias off; where a signature covers that field, or it is there, the link is in \`X-Alias-Switch-Off\`.
- **From** becomes \`"Name via alias" <alias>\`, signed by the alias's domain, with the author in \`Reply-To\`, where the author's
  domain has a DMARC record and no aligned DKIM signature that passes: it would disown the mail. So it is with mail that came by
  Email Routing, of which nothing is known.
- **The envelope sender** is a token of ours. Mail that came from the null sender goes on with it. When it cannot be delivered,
  whoever sent it gets one notification (RFC 3464), which names the alias and nothing behind it; only when SPF, or DKIM of the
  envelope sender's own domain, has proven that they sent it.
- **Bounded**: 300 mails an hour an alias (450), ten addresses an alias, 554 5.4.6 for mail that was delivered to the alias
  before or has passed more than 50 hosts, 550 for mail that fails DMARC with \`p=reject\` (unless the domain has \`refuse_dmarc\`
  off), 550 while all of its addresses are suppressed.
- Sent on to one address it costs nine rows of D1: six when it is taken, three for its delivery; masked one more for each who
  writes the first time.
- **Rules** with the alias's number as \`alias_id\` decide by what is in its mail, see above.

The calls are listed in [The API at a glance](api-at-a-glance.md#aliases); the page is Aliases. \`POST /v1/aliases {domain, address,
forward_to, description, is_masked, webhook}\` makes one, without \`address\` one that nobody guesses; \`PATCH\` with \`active: false\`
switches it off.

### Masking

With \`is_masked\`, neither side of a conversation sees the address of the other.

- **Who gets its mail** sees \`"Name" <reply+…@alias domain>\` in place of its author, the same address for the same author
  (of Reply-To, else From), and answers as to anybody. It is good as long as the alias is there and it is used once in 400 days,
  also after masking was switched off.
- **The answer leaves from the alias**, signed by its domain, to that author. It is taken when its envelope sender is an address
  that its mail is sent on to, by the alias or a rule, and that has agreed (else 550 5.7.1 at RCPT), and SPF for that domain
  passes, or DKIM or DMARC does and From is that address too (else 550 5.7.1 after the mail; 451 while that cannot be looked
  up). So it must come to a node: by Email Routing nothing is proven. What cannot be delivered is told to the owner by a notification about the \`reply+…\` address.
- **What is taken away**, both ways: all fields but those that people see (From, To, Cc, Subject, Date and the like, MIME's own),
  so also Received, Return-Path, Reply-To, signatures and ARC. Message-ID, In-Reply-To and References are ours, and lead both sides
  to their own mails, so that threads hold, for thirty days. In what stays, and in every part that is text (quoted text, HTML,
  messages inside, names of files), addresses of the writer become the one that stands for them, and \`reply+…\` the author's own.
- **Whom the owner writes to directly**, in Cc for instance, sees the owner's own address: that mail never comes here.
- **What is not looked into**: pictures, PDFs and other parts that are no text, and what a writer says of themselves in other
  words; a name, a signature with a telephone number, the domain's name alone.
- **What cannot be masked surely is not sent on** (554 5.6.0, in the session): mail that is encrypted or signed as a whole, in
  UTF-16 or UTF-7, with parts that cannot be told apart, with more than 6 MiB of text or tens of thousands of the writer's
  addresses in it, or without one author. S/MIME and PGP signatures of parts and Outlook's TNEF are left out, for they name
  their writer.
- **Loops** stop by \`Delivered-To\`, and by \`X-Alias-Passed\`, which tells aliases that a mail has passed without naming them.
  Answers count for the alias's 300 mails an hour.

## What comes back

A bounce, complaint or reply that comes later by mail changes the one delivery whose token its return path has,
whatever it says inside: a DSN of failure makes it \`bounced\`, also after \`delivered\`; a warning of delay is a \`deferred\`
event and no more. A permanent failure about the recipient (\`suppresses: true\` in the event) and a complaint suppress
the address, with the reply or the beginning of the report as proof; trouble of ours or of the network never does. A
mailbox that was full for three deliveries within seven days is suppressed for thirty. The same mail again is no second
event. A notification (null sender) that proves no failure is no event at all: it is counted, and no person's reply.

What a person sends is never a bounce, whatever it quotes: with a sender that is not null and no daemon's name in From
only a report by its own type (RFC 3464, RFC 5965) counts. Reports in prose are known by their systems' sentences, and by
words in fourteen languages; what only words tell suppresses when a status, or a reply in the form of a known system, makes
it certain, else the event says why not (\`notSuppressed\`). The page of a message leads to each mail that came back, kept
for 30 days: as it came, beside what was read in it, with a button that says "this is wrong" and takes the suppression
back. \`npm run bounces:read -- --mail-from '<>' <files>\` tells what the reader makes of files.

Suppressions are exact: \`mary-ann@\` is not \`mary@\`, \`bob+tag@\` is not \`bob@\`; only the domain's case is folded.
Imports know exports of SendGrid, Mailgun, Postmark, Resend, Amazon SES and our own by their header row.

Complaints of feedback loops (RFC 5965) that have no token are taken at \`fbl@\`, \`abuse@\` and \`postmaster@\` of
\`bounces.<service domain>\`, correlated by the return path inside, else by our Message-ID and the recipient. The latter
are known to everybody in To or Cc: such a complaint is one event (\`verified: false\`) a delivery, suppresses nobody and
counts in no statistics, overview or warming, unless its feedback loop has signed it. That is so when it came through a
node and a DKIM signature of exactly the domain of its From passes there, it was written to this mailbox, it names the
recipient itself, and its From is that of a known loop (\`worker/domain/bounce/feedback-loops.ts\`) or in \`FEEDBACK_LOOPS\`.
When the key cannot be looked up, the node answers 451 and the reporter tries again. Email Routing tells no verdict:
what comes that way needs a token.

These mailboxes take reports only; other mail is refused in the SMTP session (550 5.7.1). What had no effect is counted
(\`GET /admin/v1/counters?days=7\`, with the operator token):

<!-- generated:counters -->

| counter | counts |
| --- | --- |
| \`returned_recorded\` | mail to a return path that became an event |
| \`returned_repeated\` | the same mail again, or a report of what was known |
| \`returned_confirmation\` | a report of success (RFC 3464 delivered, relayed, expanded) |
| \`returned_unread\` | a notification (null sender, RFC 5321 §4.5.5) that tells nothing we can read |
| \`returned_unsent\` | about a delivery that has not been sent |
| \`returned_too_many\` | beyond what one delivery may collect |
| \`returned_gone\` | a good token whose message is no longer kept |
| \`feedback_other\` | a feedback report that is no complaint (RFC 6430, RFC 6591) |
| \`feedback_uncorrelated\` | a complaint about no message of ours that is kept |
| \`feedback_unverified\` | a complaint that anybody could have written: an event (\`verified: false\`), and suppresses nobody |
| \`relay_event_uncorrelated\` | an event of a relay about no message of ours that is kept |
| \`report_kept\` | a DMARC or TLS report about a domain, whose figures are shown |
| \`report_repeated\` | the same report again, or beyond what is kept of one day |
| \`report_unread\` | mail to an address for reports that brings none about that domain |
| \`token_forged\` | an address of the form of a return path whose token does not verify |
| \`address_unknown\` | any other address that mail came for and that is not here |

<!-- /generated -->
`;
