/** Made from worker/docs/sending.md by `npm run docs`; change it there. */
export const text = `# Sending

\`API\` is the address of the installation (\`http://127.0.0.1:8787\` after \`npm start\`), \`HOST\` that of its node, \`KEY\` a key from the
page *SMTP & API*, where the same stands filled in, for ten languages.

\`\`\`sh
curl $API/v1/send -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' -d '{
  "from": "Shop <shop@example.com>", "to": ["you@example.net"], "subject": "Your receipt",
  "text_body": "Thank you.", "html_body": "<p>Thank you.</p>", "class": "priority"
}'
# 202 {"message_id":"01a1fbb4-…","status":"queued"}

curl $API/v1/emails/01a1fbb4-…/events -H "Authorization: Bearer $KEY"     # what happened to it

swaks --server $HOST:2525 --tls --auth PLAIN --auth-user pennypost --auth-password $KEY \\
      --from shop@example.com --to you@example.net
# 250 Thanks! Queued as: 01a1fbb4-…
\`\`\`

Every call is listed in [The API at a glance](api-at-a-glance.md).

## Before you have a domain

Every account sends at once from its address in the sandbox, \`account-<number>@sandbox.<service domain>\` (the page *SMTP & API*
and \`GET /v1/credential\`, field \`sandbox_address\`, tell it). Such mail goes to the simulator (\`delivered@simulator.<service
domain>\` and the other parts below) and to the proven addresses of the account's own members, 100 messages a day of the latter;
anything else is refused with \`domain_not_allowed\`. It is signed with keys of the installation, whose records
\`npm run deploy -- --dns\` publishes with the others. Keys of the environment \`test\` are asked for no domain at all: what they send is checked, kept and shown,
and delivered to nobody.

## What was refused

The page *Requests* and \`GET /v1/requests?answer=refused\` list what your programs have submitted in the last seven days by HTTP
and SMTP, with the answer, the key and why it was refused. Of a key that is refused again and again 20 a minute are written
down; the next one tells how many were left out (\`left_out\`). What a mail node refuses in the SMTP session before it has the
message (an address that is none, a message that is too large) is told in that session only.

## Fields

Each with its [limit](limits.md#of-a-message); fields of \`POST /v1/send\`: \`from\`, \`to\`, \`cc\`, \`bcc\`, \`reply_to\`, \`subject\`, \`text_body\`, \`html_body\`, \`headers\`,
\`attachments[{filename, content, content_type, content_id}]\`, \`tags\`, \`metadata\`, \`class\`, [\`stream\`](#streams), \`send_at\`, \`test_mode\`,
\`track_opens\`, \`track_clicks\`, \`unsubscribe\`, \`unsubscribe_scope\`, \`require_tls\`; \`template\`, \`variables\` and \`layout\` for
[templates](#templates). The \`content\` of an attachment is its bytes in base64 (RFC 4648 §4).

Over SMTP the same is said by header fields, which are taken out: \`X-Pennypost-Class\`, \`X-Pennypost-Stream\`, \`X-Pennypost-Tags\`,
\`X-Pennypost-Metadata-<key>\`, \`X-Pennypost-Idempotency-Key\`, \`X-Pennypost-Send-At\`, \`X-Pennypost-Layout\`.

## Templates

\`POST /v1/templates\` keeps content in [Handlebars](https://handlebarsjs.com/guide/); \`template\` (slug or id) and \`variables\` of a message
fill it. There are \`#if\`, \`#unless\`, \`#each\`, \`#with\`, \`lookup\` and sections; \`{{name}}\` is escaped in HTML, \`{{{name}}}\` is
not. A variable that is printed and missing is a 400 that names it, unless it is declared with a default. The text is made of the
HTML where there is none. A template of \`type: layout\` stands around others where it says \`{{{@content}}}\`. Versions that were published never
change; \`publish: false\` makes a draft. A whole message (SMTP, \`POST /v1/send/raw\`) names a layout by \`X-Pennypost-Layout\`: it goes
around the text that readers show, and that part is written anew in UTF-8; what is signed or encrypted is refused. Events say \`template: {id, version}\`.
The page Templates of the dashboard edits them beside a preview (desktop, mobile, dark, plain text) filled from an example in JSON, compares
versions, goes back to one, and sends a test.

**Styles.** What a \`<style>\` of a template or layout says is also written into the \`style\` of the elements, for readers without \`<style>\`.
It stays where it is, and readers with it see no difference: what waits for the reader (\`@media\`, \`@supports\`, \`:hover\`, \`var()\`) is not written
into elements and goes on winning. Content that comes without a template or layout is sent as it is. A mail beyond one of these bounds stays as it
was: 256 KiB of HTML, 64 KiB of CSS, 3,000 elements, 200 deep, 500 selectors, and 256 KiB that would be added. Measured: 2 ms of CPU for a receipt
of 1.3 kB, 7 ms for 9 kB with 200 cells, 35 ms for the slowest mail that is in bounds.

## What goes on the wire

- A whole message (SMTP, \`POST /v1/send/raw\`) stays byte for byte, but for: \`Bcc\`, \`Resent-Bcc\` and \`Return-Path\`, which
  are taken out, and so is a \`Sender\` of another domain than that of \`From\` (readers show it as who the mail is from); \`Message-ID\` and \`Date\`, written where missing or empty; a \`Received\` field by SMTP, which names the
  node and not the client; blanks before a colon and obsolete syntax of \`From\` (RFC 5322 §4), written clean; the line
  \`From root Wed …\` of a mailbox file, which becomes \`X-Mailbox-Line\`.
- What a verifier of signatures would stumble over is refused: a field twice that may be there once (RFC 5322 §3.6), a
  header of over 64 KiB, more than 100 \`Received\`.
- Of \`POST /v1/send\`, ASCII values of \`headers\` stay as they are and are folded at blanks; what is longer than 998 octets
  without one is refused. Subject and names may be encoded words already. \`content_type\` may not be \`multipart/*\`.
- In front of it the node puts its DKIM signatures (which cover From, To, Cc, Subject, Date, Reply-To, Message-ID,
  MIME-Version and Content-Type once more than they are there, so that none can be added) and, signed as well,
  \`Feedback-ID: <account>:<class>:<first tag>:pennypost\`, unless the message has its own; where the domain has a return
  path below it, also \`CFBL-Address\` (RFC 9477), so that complaints come back as events.
- STARTTLS that fails at every host makes the mail wait; only when it fails again at a later attempt does it go in clear.
- Where the receiver asks for TLS, it gets it or the mail waits: DANE (RFC 7672, given a DNS resolver whose word on
  DNSSEC can be taken, see \`PENNYPOST_DNSSEC\`) goes before MTA-STS (RFC 8461, policies are kept for as long as they say,
  also over restarts and while DNS or HTTPS fail). \`require_tls: true\` asks for a certificate that
  is valid for the host, or that DNS names, whatever the receiver asks. \`REQUIRETLS\` at \`MAIL\` (RFC 8689) asks for the
  same on every further way: the mail goes only to hosts that offer it, and where none does it bounces with 5.7.30. A
  message with \`TLS-Required: No\` goes in any case.
  The event says which policy was applied and what the certificate was; "What example.net asks of TLS" on the page of a
  message shows what nodes have found of a recipient domain. Domains with a \`_smtp._tls\` record get a report
  a day (RFC 8460), by HTTPS or as mail of the installation.
- 8-bit text in a header is sent as it came. With \`SMTPUTF8\` said (\`smtputf8=true\` for \`/v1/send/raw\`) it goes only to
  hosts that offer it.

## Classes

<!-- generated:classes -->

| class | tried for | share of a node's slots and of each MX's connections | meaning |
| --- | --- | --- | --- |
| \`priority\` | 6 h | 100 % | skips ahead of everything |
| \`standard\` | 72 h | 100 % | the default |
| \`digest\` | 72 h | 50 % | bulk of one kind, spread out |

<!-- /generated -->

Mail of class \`digest\` has at most half of a node's slots and of its connections to one MX. What is accepted while
more than 100 wait for the same recipient domain is spread over an hour, and says so by the event \`rate_limited\`.

## When a receiver is slow or says no

Mail to hosts that are dead or slow keeps no other waiting. A slot is held while a delivery is worked on, not while its
peer is waited for; an eighth of the slots is for \`priority\` alone. One set of MX hosts gets five attempts at once at first
and one more for each that is answered, up to half of the slots. An attempt has 60 seconds and five addresses to reach MAIL.
An address that did not answer is left alone for 30 seconds, doubled up to ten minutes, and then tried by one delivery;
what is due meanwhile is deferred and says which host is silent. Waiting for a connection of the node's own counts as no
attempt. Of one domain a lease brings no more than a quarter of the slots, and of one account half, while there is other
mail. What is due for a minute and not tried says why (\`waits_for\` of \`GET /v1/emails/{id}\`, and the message's page).

The hosts of Google, Microsoft (business and consumer) and Yahoo are one destination each, whichever domain they take mail
for, with limits and reactions to their known replies written down with their sources (\`smtp-node/outbound/providers.ts\`):
\`421 4.7.28\` leaves Google alone for five minutes, \`[TSS04]\` Yahoo for fifteen, \`S3150\` Outlook.com for thirty, doubled up to
two hours while it goes on. What is held says until when and which reply asked for it; \`/shaping\` of a node shows all.
\`PENNYPOST_SHAPING_FILE\` changes limits and adds providers.

## Opens, clicks, unsubscribing

Mail is private unless you ask for more: for one message by fields of \`POST /v1/send\` and \`/v1/send/batch\`, or for all
of an account by its settings (\`PATCH /v1/settings\`, or the settings page, by an owner).

<!-- generated:mail-settings -->

| setting | default | what it does |
| --- | --- | --- |
| \`track_opens\` | \`false\` | Puts a picture of one pixel at the end of the HTML: you learn when, and with which program, each recipient opened it. |
| \`track_clicks\` | \`false\` | Leads the links of the HTML through this service: you learn which of them each recipient followed. |
| \`unsubscribe\` | \`false\` | Adds List-Unsubscribe fields (RFC 8058): mail programs show a button, and whoever uses it gets no more mail from that domain, or of what \`unsubscribe_scope\` of a message says. |
| \`content_days\` | \`3\` | How long you can look at a message or send it again: 3 to 30 days after the day on which it is first due. Fewer are not offered, since delivery may be tried for 3 days. Messages that are there already keep the time that they had. |

<!-- /generated -->

- A link speaks for one person and a message has one body for all of its recipients, so only a message with **one
  recipient** gets any of this. Asked for together with several recipients, it is refused with 400 (send one message each
  by \`POST /v1/send/batch\`); an account's setting just does not apply. So it is with opens and clicks without
  \`html_body\`. \`GET /v1/emails/:id\` says what was put in.
- Whole messages (SMTP, \`POST /v1/send/raw\`, \`raw\` of CloudMailin's dialect) are kept byte for byte: nothing is put into
  them. The text part never changes, nor does HTML that cannot be read for sure.
- Links stay as they are when they do not begin with \`http:\` or \`https:\`, have the attribute \`data-pennypost-untracked\`
  or the word \`pennypost-untracked\` in \`rel\`, are longer than 2048 characters, or come after the first 500.
- A \`List-Unsubscribe\` or \`List-Unsubscribe-Post\` of your own among \`headers\` is kept, and none of ours is added. Both are
  signed with DKIM.
- \`machine\` in an event is a guess: many mail programs and gateways fetch pictures and links before anybody reads. At
  most one event a minute of the same link and 20 opens and clicks of a delivery are recorded.

The links lead to the [host of the domain's own](domains.md#links-with-a-name-of-your-own) while that has a certificate, else to \`PUBLIC_URL\` (without
it, to the host name that the message was submitted to), and need no sign-in: \`/t/<token>.gif\`
is the pixel, \`/c/<token>?u=<target>\` redirects to where the link led, \`/u/<token>\` is a page with a button; what mail
programs post there (RFC 8058) raises \`unsubscribed\` and suppresses the address in the [scope](#scopes-of-unsubscribing) of the link. A token is
signed together with its purpose and target, so nobody can make one or lead it elsewhere. Redirects work for as long as
the key of \`RETURN_PATH_KEYS\` that made them is there; events and unsubscribing for as long as the message is known, 30
days at least. A message that is sent again from the dashboard keeps the links of the first one.

### Scopes of unsubscribing

\`unsubscribe_scope\` of a message says what its link is for. It asks for the link too, where \`unsubscribe\` is left out. The
suppression that comes of it carries the scope, and holds back what is in it alone: other mail to the same person goes on.

| \`unsubscribe_scope\` | the recipient gets no more | \`scope\` of the suppression |
| --- | --- | --- |
| \`account\` | mail of the account | \`account\` |
| \`domain\` (the default) | mail of the domain in \`from\` | \`example.com\` |
| \`class\` | mail of the message's class, from any domain of the account | \`class:digest\` |
| \`stream\` | mail of the message's stream | \`stream:offers\` |
| \`tag\` | mail that has the first tag of this message among its own | \`tag:news\` |

The scope is signed in the link (\`/u/<token>?scope=tag%3Anews\`), so nobody can widen it. Behind the same link people find
what this address has unsubscribed from at the account, and choose: the link's tag, the class, the domain, everything; what they take
the tick from comes again. They see no tags but the link's and those that they have chosen before: name tags that may be
read. What holds by a bounce, a complaint or your own word they cannot take back. Each choice raises \`unsubscribed\`, up to 20 times a message, and
\`suppression.added\`; coming back raises \`suppression.removed\`.

\`POST /v1/suppressions\`, the filter and the removal take the same words (\`"scope": "tag:news"\`), and so do the column \`scope\` of imports and
exports and the page Suppressions. A scheduled or deferred message is looked at again whenever it is due.

## Streams

\`stream\` names a part of your mail by what it is for, with up to 64 characters of a-z, 0-9 and hyphens: \`offers\`, \`invoices\`. A stream begins
with the first message that names it; a message that names none is of the stream \`transactional\`. How urgent a message is says its
\`class\`, whatever its stream.

Of each stream there are

- statistics: \`GET /v1/stats?by=stream\`, and the page Statistics; 200 streams are counted in a day, more together as \`(other)\`
- suppressions: \`POST /v1/suppressions {"email", "scope": "stream:offers"}\`, and \`unsubscribe_scope: "stream"\` for its recipients; a
  complaint about mail of a stream with a name suppresses in that stream alone, so that nobody is kept from password resets by what they said of offers.
  A complaint about mail of \`transactional\`, and a mailbox that is gone, suppress in the whole account
- webhooks: \`streams\` of an [endpoint](webhooks.md)
- lists: \`GET /v1/emails?stream=offers\`, and the page Messages

Events and messages tell their stream.

## Simulator

Mail to \`simulator.<service domain>\` takes the whole way, to an MX that the node itself plays; \`+label\` may follow the
name. Its events say \`simulated: true\`, count in no statistics, and suppress nobody, unless the message has the metadata
\`simulator_suppress: "true"\`.

<!-- generated:simulator -->

| recipient | what happens |
| --- | --- |
| \`delivered@\` | accepted |
| \`hard-bounce@\` | refused: no such mailbox |
| \`soft-bounce@\` | put off at every try, until it expires |
| \`greylisted@\` | put off once, then accepted |
| \`mailbox-full@\` | refused: over quota |
| \`delayed-bounce@\` | accepted; a DSN (RFC 3464) comes seconds later |
| \`complaint@\` | accepted; a complaint (RFC 5965) comes seconds later |
| \`auto-reply@\` | accepted; an automatic reply (RFC 3834) comes seconds later |
| \`rate-limited@\` | put off once for too much mail, then accepted |
| \`tls-failure@\` | the handshake fails and TLS is required: put off until it expires |

<!-- /generated -->
`;
