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
  \`webhook\` (endpoints, none named: all), \`drop\` or \`refuse\` with a text. A new domain has \`*\` to all endpoints.
  \`POST /v1/domains/:id/routes/test {to}\`, or the page Routes, tells what would be done with an address and why.
- **Told** by webhooks of any endpoint whose \`events\` hold \`email.received\` (or are null), in its \`format\`: \`event\`,
  \`postscale\`, \`cloudmailin\`, \`cloudmailin-multipart\` or \`raw\`; the last three may have user and password in their URL. Larger
  attachments are fetched by links that hold for 24 hours. The answer of a \`synchronous\` endpoint (by default those of the
  CloudMailin formats) is the reply to the sender, within 45 seconds: 2xx → 250, 4xx → 554 with the words of a plain text,
  anything else → 450. All others are tried again as every webhook is.
- \`in_reply_to_message\` is the id of the sent message that a mail answers, by \`In-Reply-To\` or \`References\`.
- What was received is kept as messages are: 30 days, its content for \`content_days\`. It counts for no warming, and costs five
  rows of D1 and an object of R2 with its delivery to one endpoint.

The calls are listed in [The API at a glance](api-at-a-glance.md#receiving).

Aliases are not offered yet: a domain of the type \`alias\` takes no mail and is asked for no MX.

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
| \`token_forged\` | an address of the form of a return path whose token does not verify |
| \`address_unknown\` | any other address that mail came for and that is not here |

<!-- /generated -->
`;
