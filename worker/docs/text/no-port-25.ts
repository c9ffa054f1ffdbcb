/** Made from worker/docs/no-port-25.md by `npm run docs`; change it there. */
export const text = `# Start without port 25

Many networks close port 25 on the way out, and a new address is trusted by nobody at first. Mail can leave by a relay meanwhile: any
mail server that takes yours by SMTP with a user and a secret. Your customers notice nothing: the API, events and signatures stay as
they are, and rules say which mail goes which way, so that you move over domain by domain.

## Add a relay

On the page Installation, Transports; or as the operator by API:

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
| \`cloudflare\` | \`smtp.mx.cloudflare.net\` | TLS from the beginning, 465 | user \`api_token\`, the secret is an API token with Email Sending: Edit; 5 MiB; the domain must be set up for sending in that account |

What can be set: \`host\`, \`port\`, \`tls\` (\`implicit\`, \`starttls\`, \`none\`), \`user\`, \`secret\`, \`max_bytes\`, \`connections\` (at once, 10),
\`paused\`, and what the relay takes at the most:

| limit | of what | what follows |
| --- | --- | --- |
| \`max_bytes\` | a message, octets | a larger one goes by the next transport; where there is none, it waits for a day, says so, and bounces |
| \`daily_quota\` | messages of a day (UTC) | from there on mail goes by the next transport, or waits for the next day and says so |
| \`per_minute\` | messages of a minute, of all nodes together | each node begins its share of them, evenly |
| \`session_recipients\` | messages over one connection | the node opens another |

The secret is kept encrypted as DKIM keys are, goes to nodes with the mail that needs
it, and is shown to nobody again; it is never sent without TLS nor to a certificate that is not valid for the host. A relay on
\`localhost\` may do without.

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

## What you see

- The event \`delivered\` has \`transport\` in its details: the message was handed to that relay, whose word it is that it will be delivered.
  What it says later comes as a DSN to the return path, where the relay keeps the envelope sender.
- Where a transport before it did not have the message, \`passedOn\` names each with the reason (\`direct\` among them): so a timeline
  says why mail went by a relay.
- A message whose only transport is paused or has taken its quota of the day says so in its timeline (\`rate_limited\`, with the time).
- Transports shows for each relay what it took today, when it took something last, and in which words it refused us. A change is known
  to all nodes within half a minute.
`;
