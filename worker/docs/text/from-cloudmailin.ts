/** Made from worker/docs/from-cloudmailin.md by `npm run docs`; change it there. */
export const text = `# Coming from CloudMailin

Its message API and its webhooks are spoken as they are. Change three lines:

| what | to |
| --- | --- |
| \`baseURL\` of the client | \`<API>/api/v0.1\` |
| user name and API key | the user name of a key of yours, and the key \`pp_live_…\` (the page Sending) |
| SMTP host | your node; port 587, 2525 or 465, the same two as user and password |

\`\`\`js
const client = new MessageClient({ username: '…', apiKey: 'pp_live_…', baseURL: 'https://mail.example.org/api/v0.1' });
\`\`\`

Before that, add your domain and take your suppressions along: [Moving](moving.md).

## What is there

- \`POST /:username/messages\` with every documented field: \`to\` and \`cc\` as lists or one text with commas, \`headers\` with several values,
  \`markdown\`, \`raw\`, \`tags\`, \`priority\`, \`test_mode\`, \`attachments\`. \`GET /:username/messages/:id\` tells what became of one.
- \`GET /:username/outbound_messages\`, \`/incoming_statuses\`, \`/addresses\` (here: endpoints that are told of received mail).
- Endpoints of the format \`cloudmailin\` get events as \`{"events": [{"kind", …}]}\` and received mail as JSON; \`cloudmailin-multipart\` and
  \`raw\` get it as forms. Their answer is the reply to the sender: [Receiving](receiving.md).
- By SMTP and in \`raw\`, \`x-cloudmta-class\`, \`x-cloudmta-tags\` and \`x-cloudmta-layout\` are read, and no \`x-cloudmta-…\` field reaches the
  recipient. \`x-cloudmta-layout\`, also in \`headers\`, names a [layout](sending.md#templates) (slug or id) that goes around the text; one that
  is not there is an error that names it.
- Errors are \`{"status", "error"}\`; what is wrong with the input is 422.

## What differs

- Of the kinds of events those beyond \`delivery\`, \`bounce\`, \`soft_bounce\`, \`open\`, \`click\`, \`complaint\` and \`blocked\` are ours.
- A message may have at most ten tags of 64 characters, and 50 recipients.
`;
