/** Made from worker/docs/moving.md by `npm run docs`; change it there. */
export const text = `# Moving from other services

Both can run side by side: a domain may have the DKIM keys of several services, and its SPF record may name several. Move one
sender after the other.

## In which order

1. Add the domain and publish its records **beside** those of the other service: DKIM keys have selectors of their own, and the
   return-path CNAME is a name that nobody else uses. An SPF record is merged, not doubled. Leave the MX as it is.
2. Import the suppressions (below), before anything is sent: whoever bounced there will bounce here.
3. Change the sender: host, port and password of SMTP, or the call.
4. Send little at first. A new domain is [warmed](limits.md#warming): plan the days that it takes, or move in parts. Where the
   address of the node is new as well, receivers have to learn it, too.
5. When nothing is sent there any more, wait a week for late bounces, then take the other records away.

## SMTP

Host: that of your node (the page SMTP & API shows it). Port 587, 2525 or 2587 with STARTTLS, 465 with TLS from the start. User \`pennypost\`
(or \`resend\`, \`postscale\`, the one that the key was given, or the key itself), password: a key with the scope \`send\`. Tags, metadata, class and time are said by [header fields](sending.md#fields).

## Suppressions

Export them there, and import the file as it is, on the page Suppressions or by

\`\`\`sh
curl "$API/v1/suppressions/import?commit=false" -H "Authorization: Bearer $KEY" -H 'Content-Type: text/csv' --data-binary @export.csv
\`\`\`

The answer says what would be done, row by row where something is not understood; \`commit=true\` does it. A file may have
20,000 rows and 8 MiB; split a larger one, each part with the header row. These exports are known by their header row: SendGrid (bounces, spam reports, invalid emails, unsubscribes), Mailgun (bounces, complaints, unsubscribes),
Postmark, Resend, Amazon SES, our own, and a file with one column of addresses.

## Fields of the API

| here | SendGrid | Mailgun | Postmark | Resend | Amazon SES (v2) |
| --- | --- | --- | --- | --- | --- |
| \`from\` | \`from.email\`, \`from.name\` | \`from\` | \`From\` | \`from\` | \`FromEmailAddress\` |
| \`to\`, \`cc\`, \`bcc\` | \`personalizations[]\` | \`to\`, \`cc\`, \`bcc\` | \`To\`, \`Cc\`, \`Bcc\` | \`to\`, \`cc\`, \`bcc\` | \`Destination\` |
| \`text_body\` | \`content[]\` \`text/plain\` | \`text\` | \`TextBody\` | \`text\` | \`Content.Simple.Body.Text\` |
| \`html_body\` | \`content[]\` \`text/html\` | \`html\` | \`HtmlBody\` | \`html\` | \`Content.Simple.Body.Html\` |
| \`reply_to\` | \`reply_to\` | \`h:Reply-To\` | \`ReplyTo\` | \`reply_to\` | \`ReplyToAddresses\` |
| \`headers\` | \`headers\` | \`h:…\` | \`Headers[]\` | \`headers\` | \`Content.Simple.Headers\` |
| \`attachments[].content\` (base64) | \`content\` | a file of the form | \`Content\` | \`content\` | \`RawContent\` |
| \`tags\` | \`categories\` | \`o:tag\` | \`Tag\` | \`tags[]\` | \`EmailTags\` |
| \`metadata\` | \`custom_args\` | \`v:…\` | \`Metadata\` | \`tags[]\` | \`EmailTags\` |
| \`send_at\` | \`send_at\` | \`o:deliverytime\` | | \`scheduled_at\` | |
| \`track_opens\`, \`track_clicks\` | \`tracking_settings\` | \`o:tracking-…\` | \`TrackOpens\`, \`TrackLinks\` | set for the domain | by configuration set |
| header \`Idempotency-Key\` | | | | header \`Idempotency-Key\` | |
| \`POST /v1/send/raw\` | | \`/messages.mime\` | | | \`Content.Raw\` |

Differences to know: a message to several people is **one** message, whose To all of them see; for one each use \`POST /v1/send/batch\`.
Opens and clicks are off unless asked for. [Templates](sending.md#templates) are Handlebars'.

## Events

| here | SendGrid | Mailgun | Postmark | Resend | Amazon SES |
| --- | --- | --- | --- | --- | --- |
| \`email.sent\` (accepted) | \`processed\` | \`accepted\` | | \`email.sent\` | \`Send\` |
| \`email.delivered\` | \`delivered\` | \`delivered\` | \`Delivery\` | \`email.delivered\` | \`Delivery\` |
| \`email.deferred\` | \`deferred\` | \`failed\`, temporary | | \`email.delivery_delayed\` | \`DeliveryDelay\` |
| \`email.bounced\` | \`bounce\` | \`failed\`, permanent | \`Bounce\` | \`email.bounced\` | \`Bounce\` |
| \`email.complained\` | \`spamreport\` | \`complained\` | \`SpamComplaint\` | \`email.complained\` | \`Complaint\` |
| \`email.opened\`, \`email.clicked\` | \`open\`, \`click\` | \`opened\`, \`clicked\` | \`Open\`, \`Click\` | \`email.opened\`, \`email.clicked\` | \`Open\`, \`Click\` |
| \`email.unsubscribed\` | \`unsubscribe\` | \`unsubscribed\` | | | \`Subscription\` |
| \`suppression.added\`, \`suppression.removed\` | | | \`SubscriptionChange\` | \`suppression.added\`, \`suppression.removed\` | |
| \`email.suppressed\` | \`dropped\` | \`failed\`, permanent | | \`email.suppressed\` | |

## APIs that stay as they are

Programs written for these services go on with another URL and key: [Resend](from-resend.md), [Postmark](from-postmark.md),
[Postscale](from-postscale.md), [CloudMailin](from-cloudmailin.md).
`;
