/** Made from worker/docs/limits.md by `npm run docs`; change it there. */
export const text = `# Limits and warming

## Warming

A new domain is **warmed**: its volume grows from 50 recipients a day to 200,000 in four phases of 14 days, with a
tenth of the day's limit an hour and a two-hundred-and-fiftieth a minute. A phase ends when its days are over and at
least 95 % was delivered, at most 2 % bounced and 0.1 % complained; it goes back at 5 % or 0.3 %. It begins when the
domain is verified. A domain that the operator declares verified (\`"verified": true\`) is \`warmed\` from the start, as is
the one of \`npm start\`; \`PUT /admin/v1/accounts/:id/domains/:domain/warming\` with \`{"state": "off"}\`, \`"warmed"\` or
\`"phase_1"\` … sets it. Recipients count when they are accepted, those in test mode and of \`simulator.<SERVICE_DOMAIN>\`
do not.

## Of an account

An account has a limit of messages a minute (60,000 unless the operator sets another:
\`PUT /admin/v1/accounts/:id/limits\`), in which every message counts.

What is sent from [the sandbox](sending.md#before-you-have-a-domain) to people is limited to 100 messages a day.

## Sender health

How mailbox providers are likely to see an account: 100 points, less for bounces above 2 %, complaints above 0.1 %, attempts that
were put off and failures. 90 and more is \`healthy\`, 75 \`warning\`, 50 \`danger\`, below that \`critical\`. The Overview shows it with
what lowers it.

It is judged once an hour by the last seven days, ten recipients at least. When it declines, the owners get a mail, once for each
decline: a better level is reached five points above its bound only, so that figures that waver tell nobody twice.

Where the operator sets \`DIGEST_PAUSE\` (to \`warning\`, \`danger\` or \`critical\`), mail of class \`digest\` waits from that level on; it is
accepted as ever, and goes out within the hour once the health is better. A message that waits says so. \`priority\` and \`standard\`
never wait for it.

## Of a message

<!-- generated:message-limits -->

| of a message | at most |
| --- | --- |
| size as sent, attachments in base64 | 25 MiB |
| recipients (to, cc and bcc together) | 50 |
| attachments | 100 |
| subject | 2,000 characters |
| \`headers\` | 50, each value 8,192 characters |
| \`markdown\` | 262,144 characters |
| \`tags\` | 10 of 64 characters |
| \`metadata\` | 20 keys of 64 characters, values of 1,024 |
| \`send_at\` | 30 days ahead |
| \`Idempotency-Key\` | 256 characters, kept 24 hours |
| messages of one batch | 100 |

<!-- /generated -->

What is larger is refused with 413 \`too_large\`, what is more with 400 \`invalid_body\`, which names the field.

## Over a limit

What is over a limit is refused with 429 and \`limit_type\` (\`daily\`, \`hourly\`, \`minute\`), \`limit\`, \`used\`,
\`retry_after_seconds\`, \`warming_phase\` and \`Retry-After\`; by SMTP with 451 4.7.1. The limits are exact: they are counted
in the transaction that accepts a message, which fails as a whole when one would be passed.

An SMTP session may hold at most 100 commands that carry no mail (\`EHLO\`, \`NOOP\`, \`RSET\` and the like) between two messages; then it is
closed with \`421 4.7.0\`. A client that keeps a connection for days sends mail on it, or opens a new one.
`;
