/** Made from worker/docs/api-at-a-glance.md by `npm run docs`; change it there. */
export const text = `# The API at a glance

The API is at the address where the Worker runs (\`$API\` in these guides). Every call needs a key:
\`Authorization: Bearer pp_live_…\`. Fields, answers and errors of each are in the API reference, at \`/docs/api\` of your installation; as OpenAPI
3.1 they are at \`/openapi.json\`.

## Calls

<!-- generated:calls -->

### Sending

| call | what it does |
| --- | --- |
| \`POST /v1/send?dry_run\` | Send a message |
| \`POST /v1/send/batch\` | Send several messages |
| \`POST /v1/send/raw?mail_from&rcpt_to&require_tls&smtputf8\` | Send a whole message |

### Templates

| call | what it does |
| --- | --- |
| \`GET /v1/templates?query&type&limit&offset\` | List templates |
| \`POST /v1/templates\` | Make a template |
| \`GET /v1/templates/:id\` | Read a template |
| \`PATCH /v1/templates/:id\` | Change a template |
| \`DELETE /v1/templates/:id\` | Remove a template |
| \`GET /v1/templates/:id/versions\` | List its versions |
| \`POST /v1/templates/:id/publish\` | Publish the draft |
| \`POST /v1/templates/:id/versions/:version/publish\` | Go back to a version |
| \`POST /v1/templates/:id/render\` | Render a template |
| \`POST /v1/templates/:id/test\` | Send a test |

### Messages

| call | what it does |
| --- | --- |
| \`GET /v1/emails?limit&offset&cursor&status&from&to&subject&tag&stream\` | List messages |
| \`GET /v1/emails/:id\` | Read a message |
| \`GET /v1/emails/:id/events\` | Read what happened to a message |
| \`PATCH /v1/emails/:id\` | Send a message at another time |
| \`POST /v1/emails/:id/cancel\` | Cancel a message |
| \`GET /v1/requests?limit&cursor&answer\` | List submissions and why what was refused was |

### Events

| call | what it does |
| --- | --- |
| \`GET /v1/events?after&limit\` | Read the account’s events |
| \`GET /v1/stats?by&from&to\` | Read statistics |

### Webhooks

| call | what it does |
| --- | --- |
| \`POST /v1/webhooks\` | Make a webhook endpoint |
| \`GET /v1/webhooks\` | List webhook endpoints |
| \`GET /v1/webhooks/:id\` | Read a webhook endpoint |
| \`PATCH /v1/webhooks/:id\` | Change a webhook endpoint |
| \`DELETE /v1/webhooks/:id\` | Delete a webhook endpoint |
| \`POST /v1/webhooks/:id/test\` | Test a webhook endpoint |
| \`POST /v1/webhooks/:id/rotate\` | Rotate a webhook’s secret |
| \`POST /v1/webhooks/:id/replay\` | Post to a webhook endpoint again |
| \`GET /v1/webhook-deliveries?endpoint&state&endpoint_id&status&days&limit&cursor\` | List what was posted |
| \`GET /v1/webhook-deliveries/:id\` | Read a webhook delivery |
| \`POST /v1/webhook-deliveries/:id/replay\` | Post a webhook delivery again |

### Suppressions

| call | what it does |
| --- | --- |
| \`GET /v1/suppressions?query&reason&scope&limit&offset&cursor\` | List suppressions |
| \`GET /v1/suppressions/check?email\` | Check an address |
| \`POST /v1/suppressions\` | Suppress an address |
| \`DELETE /v1/suppressions/:email?scope\` | Let an address be mailed again |
| \`POST /v1/suppressions/import?commit\` | Import suppressions |
| \`GET /v1/suppressions/export\` | Export suppressions |

### Domains

| call | what it does |
| --- | --- |
| \`POST /v1/domains\` | Add a domain |
| \`GET /v1/domains?limit&offset\` | List domains |
| \`GET /v1/domains/:id\` | Read a domain |
| \`PATCH /v1/domains/:id\` | Change a domain |
| \`DELETE /v1/domains/:id?cancel\` | Remove a domain |
| \`POST /v1/domains/:id/verify\` | Verify a domain |
| \`GET /v1/domains/:id/dns?format\` | Read a domain’s DNS records |
| \`GET /v1/domains/:id/dkim\` | Read a domain’s DKIM keys |
| \`POST /v1/domains/:id/dkim\` | Import a DKIM key |
| \`POST /v1/domains/:id/dkim/rotate\` | Rotate a domain’s DKIM keys |
| \`POST /v1/domains/:id/dkim/:selector/retire\` | Retire a DKIM key |
| \`GET /v1/domains/:id/warming\` | Read how far a domain is warmed |
| \`GET /v1/domains/:id/dmarc?from&to\` | Read what DMARC reports say of a domain |
| \`GET /v1/domains/:id/tls-reports?from&to\` | Read what TLS reports say of a domain |

### Receiving

| call | what it does |
| --- | --- |
| \`GET /v1/inbound-emails?limit&offset&cursor&q&from&to&subject&status&domain_id&alias_id&envelope_sender&has_attachments&from_date&to_date&sort&direction\` | List received mail |
| \`GET /v1/inbound-emails/:id\` | Read a received mail |
| \`GET /v1/inbound-emails/:id/raw\` | Read a received mail as it came |
| \`GET /v1/inbound-emails/:id/attachments/:attachment/download\` | Download an attachment |
| \`POST /v1/inbound-emails/:id/replay\` | Tell of a received mail once more |
| \`POST /v1/inbound-emails/:id/reply\` | Answer a received mail |
| \`GET /v1/domains/:id/routes\` | List the routes of a domain |
| \`POST /v1/domains/:id/routes\` | Add a route |
| \`PATCH /v1/domains/:id/routes/:route\` | Change a route |
| \`DELETE /v1/domains/:id/routes/:route\` | Remove a route |
| \`POST /v1/domains/:id/routes/test\` | Try an address |
| \`GET /v1/domains/:id/rules\` | List the rules of a domain |
| \`POST /v1/domains/:id/rules\` | Add a rule |
| \`PATCH /v1/domains/:id/rules/:rule\` | Change a rule |
| \`DELETE /v1/domains/:id/rules/:rule\` | Remove a rule |

### Aliases

| call | what it does |
| --- | --- |
| \`GET /v1/aliases?limit&offset&q\` | List aliases |
| \`POST /v1/aliases\` | Make an alias |
| \`GET /v1/aliases/:id\` | Read an alias |
| \`PATCH /v1/aliases/:id\` | Change an alias |
| \`DELETE /v1/aliases/:id\` | Remove an alias |
| \`POST /v1/aliases/:id/verify\` | Ask destinations once more |
| \`GET /v1/shield/aliases?limit&offset&q\` | List aliases |
| \`POST /v1/shield/aliases\` | Make an alias |
| \`GET /v1/shield/aliases/:id\` | Read an alias |
| \`PATCH /v1/shield/aliases/:id\` | Change an alias |
| \`DELETE /v1/shield/aliases/:id\` | Remove an alias |

### Settings

| call | what it does |
| --- | --- |
| \`GET /v1/settings\` | Read the settings |
| \`PATCH /v1/settings\` | Change the settings |

### Credentials

| call | what it does |
| --- | --- |
| \`GET /v1/credential\` | Read what the key is |

### Audit log

| call | what it does |
| --- | --- |
| \`GET /v1/audit?limit&cursor\` | Read the audit log |

### CloudMailin’s dialect

| call | what it does |
| --- | --- |
| \`POST /api/v0.1/:username/messages\` | Send a message, as CloudMailin’s clients do |
| \`GET /api/v0.1/:username/messages/:id\` | Read a sent message |
| \`GET /api/v0.1/:username/addresses\` | List addresses, as CloudMailin calls them |
| \`GET /api/v0.1/:username/incoming_statuses?address_id&query\` | List what became of received mail |
| \`GET /api/v0.1/:username/outbound_messages\` | List sent messages |

<!-- /generated -->

The operator's calls (accounts, credentials, domains, suspension, nodes, counters) are below \`/admin/v1\` and need the operator token; see
[Operate](operate.md).

## Scopes of a key

<!-- generated:scopes -->

| scope | allows to |
| --- | --- |
| \`send\` | submit and cancel mail, by API and SMTP |
| \`read\` | read messages, events and settings |
| \`manage\` | change domains, webhooks and suppressions |
| \`account\` | change what holds for the whole account, read its audit log; owners make such keys |

<!-- /generated -->
`;
