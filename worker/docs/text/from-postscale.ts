/** Made from worker/docs/from-postscale.md by `npm run docs`; change it there. */
export const text = `# Coming from Postscale

The API is of the same shape. Change three lines:

| what | to |
| --- | --- |
| base URL of the API | \`<API>\`, its paths below \`/v1\` stay |
| API key | a key of yours, \`pp_live_…\` (the page Sending) |
| SMTP host | your node; port 587 or 2587, user \`postscale\`, the key as the password |

\`\`\`sh
curl https://mail.example.org/v1/send \\
  -H 'Authorization: Bearer pp_live_…' -H 'Content-Type: application/json' \\
  -d '{"from": "Shop <shop@example.com>", "to": ["you@example.net"], "subject": "Your receipt", "text_body": "Thank you."}'
\`\`\`

Before that, add your domain and take your suppressions along: [Moving](moving.md).

## What is there under both names

| call | Postscale's names | beside ours |
| --- | --- | --- |
| \`GET /v1/emails\`, \`/:id\`, \`/:id/events\` | \`emails\`, \`total\`; \`email\`; \`events[].event_type\` | \`data\` |
| \`/v1/domains\` | \`domains\`; \`id\` is a UUID; \`verified\`, \`spf_verified\`, \`dkim_verified\`; \`catch_all_enabled\`, \`inbound_mx_acknowledged\` are taken | \`data\`, \`status\` |
| \`/v1/domains/:id/warming\` | \`remaining_this_hour\` | |
| \`/v1/send\` | \`template\`, \`template_id\`, \`variables\`, [\`unsubscribe_scope\`](sending.md#scopes-of-unsubscribing) | |
| \`/v1/suppressions\`, \`/check\` | \`suppressions\`, \`total\`, \`id\`, \`source_message_id\`, \`scope_type\`, \`bounce_code\`, \`feedback_type\`; \`entry\` | \`data\`, \`entries\` |
| \`/v1/webhooks\` | \`webhooks\`, \`webhook\`, \`webhook_url\`, \`event_types\`, \`has_secret\` | \`data\`, \`url\`, \`events\` |
| \`/v1/webhook-deliveries\` | \`deliveries\`, \`total\`, \`warnings\`; \`status\`, \`endpoint_id\`, \`days\` | \`data\`; \`state\`, \`endpoint\` |

A domain is named in a path by its UUID, its number or its name. An endpoint that is made with \`webhook_url\` has the format \`postscale\`: one flat body
an event, with \`X-Postscale-Event\`, \`X-Postscale-Delivery-ID\`, \`X-Postscale-Attempt\` and \`X-Postscale-Signature\`. By SMTP
\`X-Postscale-Metadata-<key>\` is metadata, and no \`X-Postscale-…\` field reaches the recipient.

## What differs

- A new domain is of the type \`outbound\` unless told otherwise.
- \`total\` counts what has been looked at: one more than is shown where there is more.
- [Templates](sending.md#templates) are kept and sent as there: \`template\` or \`template_id\` with \`variables\`; a layout goes around them.
`;
