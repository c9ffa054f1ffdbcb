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

## Over a limit

What is over a limit is refused with 429 and \`limit_type\` (\`daily\`, \`hourly\`, \`minute\`), \`limit\`, \`used\`,
\`retry_after_seconds\`, \`warming_phase\` and \`Retry-After\`; by SMTP with 451 4.7.1. The limits are exact: they are counted
in the transaction that accepts a message, which fails as a whole when one would be passed.
`;
