/** Made from worker/docs/errors.md by `npm run docs`; change it there. */
export const text = `# Errors

\`application/problem+json\` (RFC 9457) with \`code\`, \`detail\` and \`errors: [{pointer, detail}]\`; every answer has
\`X-Request-ID\`. An SMTP client gets the reply in the last column.

<!-- generated:problems -->

| status | \`code\` | title | SMTP reply |
| --- | --- | --- | --- |
| 400 | \`invalid_json\` | The body is not valid JSON | 550 5.6.0 |
| 400 | \`invalid_body\` | The request is not valid | 550 5.6.0 |
| 400 | \`invalid_address\` | An address is not valid | 501 5.1.3 |
| 400 | \`invalid_message\` | The message is not valid | 550 5.6.0 |
| 401 | \`unauthorized\` | The key is missing, unknown or revoked | 535 5.7.8 |
| 403 | \`missing_scope\` | The key may not do this | 550 5.7.1 |
| 403 | \`account_suspended\` | The account is suspended | 550 5.7.1 |
| 403 | \`domain_not_allowed\` | The From domain may not send | 550 5.7.1 |
| 404 | \`not_found\` | There is no such thing | 550 5.0.0 |
| 405 | \`method_not_allowed\` | The method is not allowed here | 550 5.0.0 |
| 409 | \`conflict\` | It conflicts with what is there | 550 5.0.0 |
| 409 | \`idempotency_conflict\` | The idempotency key was used before | 550 5.0.0 |
| 409 | \`idempotency_in_flight\` | A request with this idempotency key is under way | 451 4.3.0 |
| 413 | \`too_large\` | The message is too large | 552 5.3.4 |
| 415 | \`unsupported_media_type\` | The content type is not supported | 550 5.6.1 |
| 421 | \`misdirected\` | It is not served by this name | 550 5.0.0 |
| 422 | \`all_suppressed\` | Every recipient is suppressed | 550 5.1.8 |
| 429 | \`rate_limit_exceeded\` | Too much at once | 451 4.7.1 |
| 500 | \`internal_error\` | Our fault; try again | 451 4.3.0 |
| 503 | \`unavailable\` | Something we need is away; try again | 451 4.3.0 |
| 503 | \`not_set_up\` | This installation is not set up yet | 451 4.3.0 |

<!-- /generated -->

## What to do

- **4xx but 409 \`idempotency_in_flight\`, 421 and 429**: the request will not do better the second time. \`errors\` names the field
  by a JSON pointer, and what it should be.
- **429**: wait for \`Retry-After\` seconds, see [Limits](limits.md#over-a-limit).
- **409 \`idempotency_in_flight\`, 500, 503, and no answer at all**: send the same request again, with the same \`Idempotency-Key\`:
  when the first one was accepted, its answer comes again and nothing is sent twice.
- **422 \`all_suppressed\`**: nobody is left to send to; \`GET /v1/suppressions/check?email=\` tells why.
- Tell support the \`X-Request-ID\` of an answer: the logs have it.

`;
