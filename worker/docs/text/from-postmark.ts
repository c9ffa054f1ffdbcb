/** Made from worker/docs/from-postmark.md by `npm run docs`; change it there. */
export const text = `# Coming from Postmark

Its clients go on as they are. Change three lines:

| what | to |
| --- | --- |
| host of the API: the option \`requestHost\` of the client | \`<host of your API>/postmark\` |
| \`X-Postmark-Server-Token\`, \`X-Postmark-Account-Token\` | a key of yours, \`pp_live_…\` (the page Sending); one does for both |
| SMTP: host \`smtp.postmarkapp.com\` | your node; port 587, 2525 or 465, the key as both user and password |

\`\`\`js
const client = new postmark.ServerClient('pp_live_…', { requestHost: 'mail.example.org/postmark' });
\`\`\`

Before that, add your domain and take your suppressions along: [Moving](moving.md).

## What is there

- **Sending**: \`POST /email\`, \`POST /email/batch\` (up to 100, an answer each). By SMTP \`X-PM-Tag\` and \`X-PM-Metadata-…\` are read, and no
  \`X-PM-…\` field reaches the recipient.
- **Templates**: make, read, list, change, validate and remove; \`POST /email/withTemplate\` and \`/email/batchWithTemplates\` with \`TemplateId\` or
  \`TemplateAlias\` and \`TemplateModel\`. Layouts (\`TemplateType: Layout\`, \`{{{@content}}}\`, \`LayoutTemplate\`) go around them. They are
  [templates](sending.md#templates) as any other here.
- **Messages**: \`/messages/outbound\` with details, source, opens and clicks; \`/messages/inbound\` with details, and told once more by
  \`…/retry\`.
- **Bounces**: \`/bounces\`, by number, and \`PUT /bounces/:id/activate\`, which takes the suppression back. **Suppressions**: of the stream
  \`outbound\`, whatever stream is named. **Stats**: \`/stats/outbound\` and its sends, bounces, spam, opens and clicks by day.
- **Webhooks**: made by the client they have the format \`postmark\`: the same payloads, with user and password where the
  endpoint has some, and signed as [Standard Webhooks](webhooks.md#signatures) beside. **Domains**, with the token of an account: add, read, change, verify, rotate DKIM, remove.
- Errors are \`{ErrorCode, Message}\` with Postmark's codes: 10, 300, 400, 402, 406 (inactive recipient), 407, 410, 411, 413, 429, 510, 601, 701,
  1101, 1105, 1120 to 1123, 1130, 1131.

## Received mail

Make an endpoint of the format \`postmark\` for \`email.received\` (page Webhooks, or \`POST /v1/webhooks {"url", "format": "postmark",
"events": ["email.received"]}\`) and lead a [domain](receiving.md) here: it gets Postmark's JSON with \`MailboxHash\`, \`StrippedTextReply\` and
attachments. Attachments beyond 8 MiB together have a \`ContentUrl\` instead of \`Content\`.

## What differs

- \`TrackOpens\` and \`TrackLinks\` hold for messages with one recipient and HTML, and are left out elsewhere.
- \`MessageStream\` is the [stream](sending.md#streams) of a message; \`outbound\` is ours of the name \`transactional\`. Streams are not made or archived: one
  begins with the first message of it. What is suppressed in \`outbound\` is so in all streams, and so are addresses that
  bounced, in whatever stream; a complaint holds in its own stream, unless that is \`outbound\`.
- Of readers no more is found out than their user agent: platform, mail program, place and reading time stay empty.
- \`TotalCount\` of a list counts what has been looked at: one more than is shown where there is more.
- Lists of bounces, opens and clicks look at the newest 500 messages that match.
- A value that a template prints and \`TemplateModel\` does not have is an error that names it (300), not an empty place. \`InlineCss\` is read and changes
  nothing: what a \`<style>\` says is always written into the elements too. An alias is made of a-z, 0-9 and
  hyphens; \`Order_Receipt\` is taken and becomes \`order-receipt\`, and a template without one gets one of its name.
- There are no servers, so \`pushTemplates\` has nowhere to push to (601): make the templates with the key of the other account.
- Bulk requests, servers, sender signatures, the making of streams and inbound rules have no counterpart: such calls are answered in Postmark's
  shape with 404 and a sentence that says what there is instead.
`;
