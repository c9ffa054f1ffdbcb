/** Made from worker/docs/webhooks.md by `npm run docs`; change it there. */
export const text = `# Webhooks

An endpoint is told what happens to your mail by a POST for each event. Make one on the page Webhooks, or by (\`API\` and \`KEY\` as in
[Sending](sending.md), a key with the scope \`manage\`)

\`\`\`sh
curl $API/v1/webhooks -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' -d '{
  "url": "https://example.com/hooks/mail", "format": "event", "events": ["email.bounced", "email.complained"]
}'
# 201 {"id":"01a1fbd1-…","secret":"whsec_…", …}
\`\`\`

## Fields and formats

Fields: \`url\`, \`format\` (\`event\`, the default, \`cloudmailin\`, \`postscale\`, \`resend\`, \`postmark\`, or one of received mail only), \`synchronous\`, \`events\` (names of any column of the table below; all
by default, of the format \`postscale\` received mail), \`description\`, for received mail \`domain\`, \`address_pattern\` and \`authorization_url\`, for sent mail \`sending_domains\`, \`tags\` and \`streams\` (it hears of what these domains have signed, of messages with one of these tags, of messages of these [streams](sending.md#streams)), \`headers\` (up to 20 fields of your own), \`username\` and \`password\` (sent as \`Authorization: Basic\`; like the values of \`headers\` they are kept encrypted and not told again), and in \`PATCH\` also \`state\` (\`active\`, \`disabled\`). An endpoint gets what happens after it
was made.

- \`event\` posts one event each, with its \`email.*\` type: \`{"id", "type", "created_at", "data": {"email_id",
  "message_id", "from", "to", "subject", …details}}\`. Events without such a type are left out.
- \`cloudmailin\` posts up to 50 together: \`{"events": [{"kind", "recipient", "message_id", "details", "id", "at", "tags",
  "metadata"}]}\`.
- \`postscale\`, \`resend\` and \`postmark\` post one event each, as these services do: [Postscale](from-postscale.md),
  [Resend](from-resend.md), [Postmark](from-postmark.md). The URL of an endpoint of the format \`postmark\` may have user and password.
- Endpoints of received mail have formats of their own, see [Receiving](receiving.md).
- What never left the house (test mode, simulated recipients) has \`"simulated": true\`.

## What is posted

By an endpoint of the format \`event\`, for a mail that was refused:

<!-- generated:webhook-payload -->

\`\`\`json
{
  "id": "01a1fbb4-7f26-7d8c-9a51-3f0c6f2f4d10",
  "type": "email.bounced",
  "created_at": "2026-11-26T09:30:02.000Z",
  "data": {
    "email_id": "01a1fbb4-5a10-7c3e-8f00-9d2f6f1c2b3a",
    "message_id": "01a1fbb4-5a10-7c3e-8f00-9d2f6f1c2b3a",
    "message_id_header": "<01a1fbb4-5a10-7c3e-8f00-9d2f6f1c2b3a@example.com>",
    "from": "shop@example.com",
    "to": "you@example.net",
    "subject": "Your receipt",
    "stream": "transactional",
    "tags": [
      "receipt"
    ],
    "metadata": {
      "order": "4711"
    },
    "attempt": 1,
    "mx": {
      "host": "mx.example.net",
      "address": "192.0.2.25"
    },
    "tls": {
      "version": "TLSv1.3",
      "cipher": "TLS_AES_256_GCM_SHA384",
      "verdict": "verified"
    },
    "reused": false,
    "steps": [],
    "durationMs": 412,
    "reply": {
      "code": 550,
      "status": "5.1.1",
      "text": "No such user here"
    },
    "status": "5.1.1",
    "class": "bad_mailbox",
    "diagnostic": "550 5.1.1 No such user here",
    "step": "rcpt",
    "source": "smtp",
    "suppresses": true
  }
}
\`\`\`

<!-- /generated -->

\`email_id\` is the id that \`POST /v1/send\` answered. \`tags\` and \`metadata\` are those of the message: put the number of an order or
of a user there, and no table of yours has to know our ids.

## Signatures

Each POST is signed as [Standard Webhooks](https://www.standardwebhooks.com): verify \`webhook-id\`, \`webhook-timestamp\`
and \`webhook-signature\` over the body as it came, with any of its libraries. After \`rotate\` both secrets sign for 24
hours, as two signatures in one field.

Without a library, in Node.js:

\`\`\`js
import { createHmac, timingSafeEqual } from 'node:crypto';

/** \`body\`: the text of the request as it came, before JSON is read from it. */
export function isGenuine(secret, headers, body) {
  const id = headers['webhook-id'] ?? '';
  const timestamp = headers['webhook-timestamp'] ?? '';
  if (!(Math.abs(Date.now() / 1000 - Number(timestamp)) < 300)) return false;
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
  const wanted = createHmac('sha256', key).update(\`\${id}.\${timestamp}.\${body}\`).digest();
  return (headers['webhook-signature'] ?? '').split(' ').some((one) => {
    const given = Buffer.from(one.replace('v1,', ''), 'base64');
    return given.length === wanted.length && timingSafeEqual(given, wanted);
  });
}
\`\`\`

In Python:

\`\`\`python
import base64, hashlib, hmac, time

def is_genuine(secret: str, headers: dict, body: bytes) -> bool:
    message_id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    if not timestamp.isdigit() or abs(time.time() - int(timestamp)) >= 300:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{message_id}.{timestamp}.".encode() + body
    wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    given = headers.get("webhook-signature", "").split(" ")
    return any(hmac.compare_digest(one.encode(), f"v1,{wanted}".encode()) for one in given)
\`\`\`

Without a secret: each request has also signatures \`v1a\` (Ed25519) of the endpoint's own key, whose public half is at the
endpoint's \`public_key_url\`, \`/.well-known/webhook-keys/<id>\`, as \`{"keys":["whpk_…"]}\`. There may be several while the operator
rotates a secret; one that fits is enough:

\`\`\`js
import { createPublicKey, verify } from 'node:crypto';

/** \`keys\`: of the public_key_url of your endpoint, fetched once. */
export function isSignedByKey(keys, headers, body) {
  const id = headers['webhook-id'] ?? '';
  const timestamp = headers['webhook-timestamp'] ?? '';
  if (!(Math.abs(Date.now() / 1000 - Number(timestamp)) < 300)) return false;
  const signed = Buffer.from(\`\${id}.\${timestamp}.\${body}\`);
  const given = (headers['webhook-signature'] ?? '').split(' ').filter((one) => one.startsWith('v1a,'));
  return keys.some((text) => {
    const x = Buffer.from(text.replace('whpk_', ''), 'base64').toString('base64url');
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
    return given.some((one) => verify(null, signed, key, Buffer.from(one.slice(4), 'base64')));
  });
}
\`\`\`

Three mistakes are common: the body was parsed and written anew before it was verified (a framework's JSON middleware does that);
the secret was used as text, while what follows \`whsec_\` is base64; the clock of the machine is wrong by more than five minutes.

## Success and tries

A 2xx within 15 seconds is success; redirects are not followed. Anything else is tried again after 5 s, 30 s, 2, 10, 30
minutes, 1, 2, 4, 8, 16 and 24 hours (jittered; \`Retry-After\` is honoured up to a day) with the same \`webhook-id\`, and
then rests as \`dead\`, to be replayed. 410, or five days without a success, disables the endpoint, and the account's owners are mailed; enabled again it goes
on where it stood. Delivery is at least once: drop doubles by the event's \`id\`. Events of one message come in their order
unless one is being retried. Deliveries are kept for 14 days with the first kilobyte of each answer.

## Where they may lead

URLs must be https and must not lead to loopback, private, link-local or metadata addresses, by name or by number; this
is looked up when the endpoint is made and before each try. \`ALLOW_LOCAL_WEBHOOKS=1\` (set by \`npm start\`) lets
\`http://localhost:3000/\` pass.

## Events

<!-- generated:events -->

| event | \`email.*\` type | CloudMailin kind | Resend | Postmark | raised when | details |
| --- | --- | --- | --- | --- | --- | --- |
| \`accepted\` | \`email.sent\` | \`registration\` | \`email.sent\` |  | the message is stored; from now on it is not lost | class, sizeBytes |
| \`dispatched\` |  | \`dispatch\` |  |  | a mail node has taken it on to deliver it | node |
| \`rate_limited\` |  | \`rate_limit\` |  |  | held back by warming or a throttle for longer than a minute | limit, until |
| \`delivered\` | \`email.delivered\` | \`delivery\` | \`email.delivered\` | \`Delivery\` | a remote MX answered 250 after DATA | mx (host, address), reply, tls (version, cipher, verdict), dkim selectors, steps with durations, transport, relayId (what a transport that gives no reply calls the message), passedOn, leftOut (header fields that it does not take), from (the sending address, where the node has several) |
| \`deferred\` | \`email.deferred\` | \`soft_bounce\` | \`email.delivery_delayed\` |  | a temporary failure; delivery will be tried again | reply or error, class, attempt, nextAttemptAt, maybeAccepted |
| \`bounced\` | \`email.bounced\` | \`bounce\` | \`email.bounced\` | \`Bounce\` | a permanent failure, at once or by a later DSN | reply code, enhanced status, diagnostic, bounce class, source (smtp, dsn, feed: the events of the relay that had it), suppresses; notSuppressed: why, when only words tell |
| \`expired\` | \`email.bounced\` | \`retries_exhausted\` | \`email.bounced\` | \`Bounce\` | the last attempt failed | attempts, last reply or error |
| \`suppressed\` | \`email.suppressed\` | \`blocked\` | \`email.suppressed\` |  | not attempted: suppressed address, content or domain | reason, entry |
| \`complained\` | \`email.complained\` | \`complaint\` | \`email.complained\` | \`SpamComplaint\` | an abuse report came (RFC 5965) | feedback type, source, verified (by a token or a signed feedback loop), suppresses, scope (\`account\`, or \`stream:\` and a name) |
| \`opened\` | \`email.opened\` | \`open\` | \`email.opened\` | \`Open\` | the pixel was fetched | userAgent, machine (a guess that no person did it) |
| \`clicked\` | \`email.clicked\` | \`click\` | \`email.clicked\` | \`Click\` | a link was followed | url, userAgent, machine (a guess that no person did it) |
| \`unsubscribed\` | \`email.unsubscribed\` | \`unsubscribe\` |  |  | one-click unsubscribe (RFC 8058), or the page behind its link | suppresses, scope (\`account\`, a domain, or \`class:\`, \`stream:\`, \`tag:\` and a name) |
| \`auto_replied\` | \`email.auto_replied\` | \`auto_reply\` |  | \`Bounce\` | an automatic reply came to the return path (RFC 3834) | subject |
| \`bounce_replied\` | \`email.bounce_replied\` | \`bounce_reply\` |  |  | a person wrote to the return path | subject |
| \`failed\` | \`email.failed\` | \`error\` | \`email.failed\` |  | unsignable, too large, policy, or our own fault | reason, text |
| \`canceled\` | \`email.canceled\` | \`cancel\` |  |  | the sender called it back before it was handed to a node |  |

<!-- /generated -->

Two more tell of [suppressions](receiving.md), to endpoints that name them (\`"events": ["suppression.added", "suppression.removed"]\`) and to
those of the format \`postmark\`, as there:

<!-- generated:suppression-events -->

| type | CloudMailin kind | Resend | Postmark | raised when |
| --- | --- | --- | --- | --- |
| \`suppression.added\` | \`suppression_added\` | \`suppression.added\` | \`SubscriptionChange, SuppressSending: true\` | an address is suppressed that was not: by a bounce, a complaint, an unsubscribe, the API, an import, the dashboard |
| \`suppression.removed\` | \`suppression_removed\` | \`suppression.removed\` | \`SubscriptionChange, SuppressSending: false\` | somebody has taken a suppression away; one that has run out is not told |

<!-- /generated -->

They say the address, its scope, why and since when (format \`event\`: \`data.email\`, \`scope\`, \`reason\`, \`source\`, \`source_message_id\`), are written
in the transaction that changes the suppression, come in order for an address, and can be replayed as any delivery. An import tells of
its first 1,000 new addresses. An endpoint limited to sending domains hears of these, of classes, streams and tags, and of the whole account's; one limited to
streams of all but other streams; one limited to tags of none. An endpoint that is disabled misses what changes meanwhile: read \`GET /v1/suppressions\` when it is active again. They are of no delivery, so \`GET /v1/events\` does not have them: \`GET /v1/suppressions\` lists what holds.

\`dispatched\` is told by the message's own timeline at once; in the account's cursor it comes together with the
first outcome. The \`class\` of a failure:

<!-- generated:failure-classes -->

| class | about | meaning |
| --- | --- | --- |
| \`bad_mailbox\` | recipient | the mailbox does not exist |
| \`bad_domain\` | recipient | the domain does not exist or takes no mail |
| \`inactive\` | recipient | the mailbox is disabled or abandoned |
| \`mailbox_full\` | mailbox | the mailbox is over its quota |
| \`too_large\` | message | the message is larger than the peer takes |
| \`policy\` | infrastructure | refused by a rule of the peer |
| \`spam\` | infrastructure | the content was taken for spam |
| \`blocklisted\` | infrastructure | the sending address or domain is on a blocklist |
| \`auth\` | infrastructure | SPF, DKIM or DMARC did not satisfy the peer |
| \`rate_limited\` | infrastructure | too much mail at once for the peer |
| \`greylisted\` | infrastructure | told to come back later |
| \`protocol\` | infrastructure | the SMTP dialogue went wrong |
| \`tls\` | infrastructure | the encryption that is asked for could not be had |
| \`network\` | infrastructure | no connection, or it broke |
| \`system\` | infrastructure | the peer's own trouble |
| \`relay_denied\` | infrastructure | the peer does not take mail for this domain |
| \`unknown\` | infrastructure | the reply does not tell |

<!-- /generated -->
`;
