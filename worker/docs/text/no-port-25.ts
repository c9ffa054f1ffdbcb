/** Made from worker/docs/no-port-25.md by `npm run docs`; change it there. */
export const text = `# Start without port 25

Many networks close port 25 on the way out, and a new address is trusted by nobody at first. Mail can leave by a relay meanwhile: any
mail server that takes yours by SMTP with a user and a secret. Your customers notice nothing: the API, events and signatures stay as
they are, and rules say which mail goes which way, so that you move over domain by domain.

## Add a relay

The first \`npm run deploy\` asks for one. Later, \`npm run deploy -- --relay cloudflare\`; on the page Installation, Transports; or as the
operator by API:

\`\`\`sh
curl -s "$URL/admin/v1/transports" -H "Authorization: Bearer $OPERATOR_TOKEN" -H 'Content-Type: application/json' \\
  -d '{"name":"ses","preset":"ses","host":"email-smtp.eu-west-1.amazonaws.com","user":"AKIA…","secret":"…","daily_quota":50000}'
curl -s -X PUT "$URL/admin/v1/transport-rules" -H "Authorization: Bearer $OPERATOR_TOKEN" -H 'Content-Type: application/json' \\
  -d '{"rules":[{"route":["direct","ses"]}]}'
\`\`\`

| preset | host | encryption | what to know |
| --- | --- | --- | --- |
| \`smtp\` | yours to say | STARTTLS on 587 | any submission server (RFC 6409) |
| \`ses\` | \`email-smtp.<region>.amazonaws.com\` | TLS from the beginning, 465 | SMTP credentials of its console; 40 MiB; the domain must be verified there |
| \`cloudflare\` | \`smtp.mx.cloudflare.net\` | TLS from the beginning, 465 | user \`api_token\`, the secret is an API token with Email Sending: Edit; 5 MiB; the domain must be set up for sending in that account; it signs by itself, and takes the header fields of its list alone |
| \`cloudflare-binding\` | none: the Worker itself | Cloudflare’s own | no node, no secret: [below](#without-a-node); 5 MiB; otherwise as \`cloudflare\` |

What can be set: \`host\`, \`port\`, \`tls\` (\`implicit\`, \`starttls\`, \`none\`), \`user\`, \`secret\`, \`max_bytes\`, \`connections\` (at once, 10),
\`paused\`, and what the relay takes at the most:

| limit | of what | what follows |
| --- | --- | --- |
| \`max_bytes\` | a message, octets | a larger one goes by the next transport; where there is none, it waits for a day, says so, and bounces |
| \`daily_quota\` | messages of a day (UTC) | from there on mail goes by the next transport, or waits for the next day and says so |
| \`per_minute\` | messages of a minute, of all nodes together | each node begins its share of them, evenly; what has waited for a minute says so |
| \`session_recipients\` | messages over one connection | the node opens another |

The secret is kept encrypted as DKIM keys are, goes to nodes with the mail that needs
it, and is shown to nobody again; it is never sent without TLS nor to a certificate that is not valid for the host. A relay on
\`localhost\` may do without.

## Without a node

With \`cloudflare-binding\` the Worker hands mail to Cloudflare Email Service itself, by a binding (\`send_email\`): an installation needs no
machine at all.

\`\`\`sh
npm run deploy -- --relay cloudflare-binding
\`\`\`

makes the binding \`EMAIL\`, which later deployments keep, adds the transport and, where there is no rule yet, the rule
\`["direct", "cloudflare-binding"]\`: mail leaves by the binding while no node is here. Start a node later, and it takes over, without a
client noticing; the binding then has what the node's network or a blocklist keeps from leaving. Set up each sending domain for sending in
Cloudflare (Email Service, in the same account), and subscribe to its [events](#events).

- Cloudflare signs with its own DKIM key for your domain: the two records of Pennypost are not needed for mail by it, and no
  signature of ours is in it. It writes \`Date\` and \`Message-ID\` anew.
- The envelope sender is the author's address, and reports come back as events alone.
- What the Worker says is what the service says: an error with a code (\`E_…\`). Those of the message or its recipient bounce; those of
  the sender (a domain that is not set up, a rate, a quota of the day) are tried again, or let nodes have the message where the rule
  names a transport of theirs. When no answer comes, or an error without a code, the timeline says \`maybeAccepted\`.
- A message is in one transport at a time: the Worker leases as nodes do, for five minutes. Where a rule names transports of both,
  whose come first tries first; where they refuse the sender, the next attempt, a minute later, is the other's.
- \`host\`, \`port\`, \`tls\`, \`user\`, \`secret\`, \`per_minute\` and \`session_recipients\` are nothing of the binding's; \`connections\` is how many
  it is given at once (at most 4 are). Rules that ask for a \`provider\` are for nodes.
- A message that asks for REQUIRETLS bounces, as the binding cannot pass that on.
- Without a node there is no submission by SMTP, no return path on port 25, and nobody plays the simulator's parts: send by the API, and
  let Email Routing bring what comes back (\`npm run deploy -- --email-routing\`).

## Rules

Upgrade all nodes before you make the first rule: an older one knows of no relays, and sends all that it leases straight.

The first rule that fits a message decides; without one, mail goes straight to its recipients' servers (\`direct\`). A rule may ask for a
signing \`domain\`, a \`class\`, the \`recipient\`'s domain, and a \`provider\` (\`google\`, \`microsoft\`, \`yahoo\`: whoever runs the recipient's
mail hosts, as MX records say). Its \`route\` names transports in the order in which they are tried:

\`\`\`json
{
  "rules": [
    { "class": "priority", "route": ["direct", "ses"] },
    { "provider": "microsoft", "route": ["ses"] },
    { "domain": "new.example.com", "route": ["ses"] }
  ]
}
\`\`\`

Within one attempt the next transport has the message when the one before certainly has not, and said nothing of the message or its
recipient: no connection, no greeting, a failed sign-in, a blocklist, a quota, a refusal to relay. A recipient that does not exist
bounces, whoever says so. Where a transport may have taken a message and no answer came, no other gets it: the timeline says
\`maybeAccepted\`. A message is never in two transports at once.

When three destinations in a row answer nothing on port 25, it is taken for closed: mail that has another transport takes that at
once, and one delivery at a time finds out whether it has opened, after 10 seconds at first and a quarter of an hour at most.

To move one domain at once, switch it on the page Transports: that makes a rule for all its mail before every other.

## Events

A relay that answers 250 has the message, and no more. What becomes of it comes as a report (DSN) to the return path where the relay
keeps the envelope sender; Amazon SES and Cloudflare tell it by events, too. Subscribe to them: they become events, webhooks and
suppressions like reports by mail, each once (\`source: feed\`, with the \`transport\`).

**Amazon SES**: make a topic in Amazon SNS, in the region of SES; subscribe to it the address that Transports shows for the relay
(protocol HTTPS, raw message delivery off): the subscription is confirmed by itself. Then let SES publish to the topic: bounces, complaints
and deliveries under Feedback notifications of the identity, or a configuration set with the events Bounce, Complaint, Delivery, Reject and
DeliveryDelay. Messages whose signature is not Amazon's are refused. The domain must be verified in SES, and that of the return path
(\`pp-bounces.<your domain>\` is below it; \`bounces.<service domain>\` where a domain has none of its own).

**Cloudflare Email Service**: on the page Queues of the Cloudflare dashboard, \`pennypost-relay-events\`, Subscriptions, subscribe to
Email Sending of each domain, all six events. A message is known again by the id that Cloudflare gives in its reply, or to the binding. The domain of the
return path must be set up for sending there as well: Cloudflare takes no other sender.

When a relay takes mail and its events tell that it delivers none of it (all suppressed there, for example), or tell nothing of it,
Transports, Installation and the doctor of each node say so, with figures, from 20 messages in two days on.

## What Cloudflare takes of a header

Cloudflare Email Service has a [list of header fields](https://developers.cloudflare.com/email-service/reference/headers/), the same for
SMTP, and refuses others. A node therefore leaves out what is not on it; where that was in the message itself, the event \`delivered\`
names it (\`leftOut\`).

| field | what becomes of it |
| --- | --- |
| \`From\`, \`To\`, \`Cc\`, \`Reply-To\`, \`Subject\`, the content's own fields | taken |
| \`List-*\`, \`List-Unsubscribe-Post\`, \`In-Reply-To\`, \`References\`, \`Auto-Submitted\`, \`Precedence\`, \`Importance\`, \`Priority\`, \`Organization\`, all \`X-*\` | taken; a value of at most 2,048 octets, 20 fields beside \`X-*\`, 16 KB of all together, \`List-Unsubscribe\` by https or mailto |
| \`Date\`, \`Message-ID\` | written anew |
| \`DKIM-Signature\`, \`Feedback-ID\`, \`CFBL-*\`, \`Received\`, \`ARC-*\` | left out: it signs with its own key for your domain, and reports complaints by its events |
| others, as \`Sender\` or \`Errors-To\` | left out, and named |

## What you see

- What left by the binding has \`relayId\` in place of a reply: what Cloudflare calls the message.
- The event \`delivered\` has \`transport\` in its details: the message was handed to that relay, whose word it is that it will be delivered.
- Where a transport before it did not have the message, \`passedOn\` names each with the reason (\`direct\` among them): so a timeline
  says why mail went by a relay.
- A message whose only transport is paused, has taken its quota of the day or takes no more in a minute says so in its timeline
  (\`rate_limited\`, with the relay's name, and the time where it is known).
- Transports shows for each relay what it took today, when it took something last, and in which words it refused us. A change is known
  to all nodes within half a minute.
`;
