/** Made from worker/docs/troubleshooting.md by `npm run docs`; change it there. */
export const text = `# Troubleshooting

By what one sees. The page of a message (or \`GET /v1/emails/:id/events\`) tells what happened to it, with the words of the receiver; most
questions end there.

## The call is refused

| answer | why | what to do |
| --- | --- | --- |
| 401 \`unauthorized\` | the key is wrong, revoked, or was cut when it was copied | make a new one on the page SMTP & API; the header is \`Authorization: Bearer pp_live_…\` |
| 403 \`domain_not_allowed\` | the domain of From is not added, not verified, or the key is limited to others | \`detail\` says which; see [Domains and DNS](domains.md) |
| 403 \`missing_scope\` | the key may do something else only | see [the scopes](api-at-a-glance.md#scopes-of-a-key) |
| 429 \`rate_limit_exceeded\` | the domain is being warmed, or the account's limit a minute is reached | wait for \`Retry-After\`; see [Limits](limits.md) |
| 422 \`all_suppressed\` | every recipient bounced or complained before, or asked not to be mailed | \`GET /v1/suppressions/check?email=\` tells why |
| 421 \`misdirected\` | the page was asked for by another host than \`PUBLIC_URL\` | use that host, or [set PUBLIC_URL](settings.md#of-the-worker) |
| 503 \`not_set_up\` | the Worker has no secrets, or wrong ones | \`npm run deploy\` sets what is missing |

## The SMTP client cannot connect or log in

- \`535 5.7.8\`: the password is not a key, or not one that may \`send\`. The user name is \`pennypost\`, unless the key was given
  another.
- "Certificate not trusted": the node made a certificate of its own, because \`PENNYPOST_TLS_CERT_FILE\` is empty. Give it one for its
  host name.
- No answer on port 25: that port is for incoming mail. Submit to 587, 2525 or 465.
- \`451\` at the end of the message: the edge could not be asked. The client tries again by itself.

## It stays queued

The message's page says what it waits for (\`waits_for\`).

- **No node is running**: the page Installation shows when each was last heard of. Start it, and look at its log.
- **The node cannot reach the edge**: \`pennypost_edge_reachable\` is 0; its log says why. A wrong or revoked token is named.
- **It is due later**: \`send_at\`, a retry after a temporary failure, or the class \`digest\`, which is spread out.
- **The destination is left alone** for a while, since it asked for that: \`/shaping\` of the node says until when.

## It is deferred again and again

| the reply has | what it means | what to do |
| --- | --- | --- |
| \`greylist\`, \`4.7.1 try again\` | the receiver sees this sender for the first time | nothing, the next try passes |
| no connection to any host | port 25 is closed on the way out | \`npm run doctor\` on the node; many providers open it on request only; meanwhile [by a relay](no-port-25.md) |
| \`421 4.7.28\`, \`[TSS04]\`, \`S3150\` | too much at once for Google, Yahoo or Microsoft | it slows down by itself; send less at once from a new address |
| TLS is required | the receiver's policy (MTA-STS, DANE) asks for a certificate that its host does not show | the receiver has to mend it; the event says what was found |

## It bounced

The event's \`class\` says [what about](webhooks.md#events). Of the recipient's mailbox: correct the address, and take it off the list. Of our
side:

- \`blocklisted\`: the node's address is on a list. See [Operate](operate.md#blocklists).
- \`auth\`: SPF, DKIM or DMARC did not pass. Verify the domain again; look at the DMARC record of the author's domain.
- \`policy\`, with \`PTR\` or \`reverse DNS\` in the reply: see [Operate](operate.md#port-25-and-ptr).

## It was delivered, and nobody sees it

\`delivered\` means that the receiver's server took it; where it puts it is its own affair. Look into the folder of spam. In the
headers there \`Authentication-Results\` should say \`pass\` for \`dkim\` and \`dmarc\`. A new domain and a new address are judged strictly for
some weeks: send to people who wait for your mail, regularly, and no more than [the warming](limits.md#warming) allows.

Under *What could be better* the page of the message says what in its content filters and readers dislike: links elsewhere, no text,
HTML that is cut off, no way to unsubscribe, no way to answer.

## It came twice

- Your program sent it twice: two messages with ids of their own are on the page Messages. Send an \`Idempotency-Key\` with each, and
  [try again with the same](errors.md#what-to-do).
- The connection broke after the mail and before the answer: the event says \`maybeAccepted\`. Nobody can know then, so it is tried again,
  with the same \`Message-ID\`; most receivers drop the second one.

## Opens or clicks are not counted

- They are off unless [you ask for them](sending.md#opens-clicks-unsubscribing), and only a message with one recipient and HTML has any.
- The links lead to \`PUBLIC_URL\`, or to [a host of the domain's own](domains.md#links-with-a-name-of-your-own): it must be reached from everywhere.
- Many programs fetch no pictures; others fetch all of them before anybody reads (\`machine\` in the event).

## The domain does not become verified

The page of the domain shows what was found beside what is wanted, and the fix. Most often the name was published with the domain
twice, see [Where to publish them](domains.md#where-to-publish-them). \`dig +short TXT pennypost._domainkey.example.com\` shows what
the world sees.

## The webhook is not called

- The page of the endpoint lists each try with the answer. After five days without a success it is disabled, and says so.
- The signature does not verify: see [the three common mistakes](webhooks.md#signatures).
- It is called twice: delivery is at least once; drop doubles by the event's \`id\`.
- It leads to a private address: that is refused, see [Where they may lead](webhooks.md#where-they-may-lead).

## Nothing is received

- The domain's type must be \`inbound\` or \`both\`, its MX must lead to \`mx.<service domain>\`, and that name to a node whose port 25 is open.
- \`550 5.1.1\`: no route takes the address; \`POST /v1/domains/:id/routes/test\` tells why.
- It is on the page Received, and no endpoint was told: none has \`email.received\` among its events, or the route says \`drop\`.

## Nobody can sign in

- No mail comes: sign-in links go from the domain that the operator chose on the page Installation, through Pennypost itself, so a
  node must be running.
- The set-up code is lost: \`npm run deploy\` prints it again where it was deployed first, as long as there is no account.
- The authenticator app is lost: one of the recovery codes opens the door once.
`;
