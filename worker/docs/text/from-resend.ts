/** Made from worker/docs/from-resend.md by `npm run docs`; change it there. */
export const text = `# Coming from Resend

Its clients go on as they are. Change three lines:

| what | to |
| --- | --- |
| base URL: \`RESEND_BASE_URL\`, or the option \`baseUrl\` of the client | \`<API>/resend\` |
| \`RESEND_API_KEY\` | a key of yours, \`pp_live_…\` (the page Sending) |
| SMTP: host \`smtp.resend.com\` | your node; port 587, 2587, 2525 or 465, user \`resend\`, the key as the password |

\`\`\`js
const resend = new Resend('pp_live_…', { baseUrl: 'https://mail.example.org/resend' });
\`\`\`

Before that, add your domain and take your suppressions along: [Moving](moving.md).

## What is there

- **Emails**: \`POST /emails\`, \`POST /emails/batch\` (\`x-batch-validation: strict\`, the default, sends all or none), \`GET /emails\`, \`GET
  /emails/:id\`, \`PATCH /emails/:id\` (another \`scheduled_at\`), \`POST /emails/:id/cancel\`, \`GET /emails/metrics\`. \`Idempotency-Key\`
  holds for 24 hours; by SMTP it is \`Resend-Idempotency-Key\`.
- **Received mail**: \`GET /emails/receiving\`, \`…/:id\` with text, HTML and the source, \`…/:id/attachments\` with links that hold for a day.
- **Templates**: \`templates.create\`, \`get\`, \`list\`, \`update\`, \`publish\`, \`duplicate\`, \`remove\`, and \`template: {id, variables}\` in \`POST /emails\` and
  \`POST /emails/batch\`. What is written is a draft until it is published. They are [templates](sending.md#templates) as any other here.
- **Domains**: add, list, read, change, verify, remove; \`tracking_subdomain\` is the label of [their host for links](domains.md#links-with-a-name-of-your-own). **Suppressions**: one by one and in batches of 50.
- **Webhooks**: made by the client they have the format \`resend\`: the same payloads, signed under the names of Svix (\`svix-id\`, \`svix-timestamp\`,
  \`svix-signature\`) and of Standard Webhooks. What was posted is listed with its attempts and posted again on request.
- Errors are \`{statusCode, name, message}\` with Resend's names and statuses; lists go by \`limit\`, \`after\` and \`before\`.

## What differs

- \`tags\` are names with values: here \`metadata\`, which comes back as \`tags\`.
- Files are not fetched from a URL (\`attachments[].path\`): give their \`content\`. \`scheduled_at\` is a time with a zone, or \`in 10 minutes\`
  (hours, days), at most 30 days ahead.
- A message all of whose recipients are suppressed is refused (422), not accepted and dropped.
- Opens and clicks are asked for by the [settings](sending.md#opens-clicks-unsubscribing) of the account, not by domain; there are no regions, and a domain's
  \`region\` is null.
- An \`alias\` is made of a-z, 0-9 and hyphens; \`Order_Confirmation\` is taken and becomes \`order-confirmation\`. A template without one
  gets one of its name. \`html\` is [Handlebars](https://handlebarsjs.com/guide/): \`{{{NAME}}}\`, and conditions and lists too.
- The secret of a webhook is told when it is made, and never again.
- Contacts, broadcasts, automations, inboxes and shared links have no counterpart: such calls are answered in Resend's shape
  with 404 and a sentence that says what there is instead.
`;
