/** Made from worker/docs/security.md by `npm run docs`; change it there. */
export const text = `# Security

## What is promised

- **One table says who may do what** (\`worker/identity/access/\`): every route of API, dashboard, operator, nodes and links in
  mails, with scope, role and domain limit. A route without a row does not start, and a test asks each of them as everybody
  who could come.
- A key that is limited to domains sees and changes what is of these domains, and nothing that is about the whole account. A
  key may do no more than who makes it: what pages keep for owners needs the scope \`account\`, which only they can give.
- Keys, links in sign-in mails, invitations and sessions of people are random; keys, mailed links and invitations are kept as
  hashes. What is mailed stands behind the \`#\` of its link, which browsers tell no server, so that no log of requests has it.
- Sign-in links and invitations come from a domain that the operator chose and are of no account: no list, page, event,
  webhook or resend shows them. Links and cookies are made of \`PUBLIC_URL\`, and pages refuse every other host.
- A link that is followed through a [host of a domain's own](domains.md#links-with-a-name-of-your-own) was signed for that host: no account's
  links lead on from the name of another, nothing but links of mail is there (404), and a certificate is asked for only for a domain that is verified and whose CNAME is there.
- Tries to sign in are counted by address and source together, so that nobody locks out another; browsers that have been
  here before pass, and the person is told. What is open to everybody is limited by source, at no cost in rows.
- Neither answers nor their time tell who has an address here: mails to sign in are made after the answer, and a wrong guess
  of a password is answered half a second after it came. A code of an authenticator app opens once.
- DKIM keys, webhook secrets, and the passwords and own header fields of endpoints are encrypted (AES-256-GCM) and open in their own row only. After \`ENCRYPTION_KEYS\` got a new
  first key, cron encrypts everything anew; the page Installation says when the old one may be taken away.
- The keys of \`v1a\` signatures of webhooks are derived from \`ENCRYPTION_KEYS\`, one for each endpoint, and stored nowhere. Each of the
  listed secrets signs, so receivers that keep a public key must fetch it anew before the older secret is taken away.
- A masked alias shows neither side of its mail the other's address in header, text or parts that are text, and what cannot
  be read as surely as a mail program would is refused instead. From it leaves only what its owner is proven to have sent.
- Nobody's address is suppressed, and no domain's warming set back, by a report that anybody could have written: a bounce
  or complaint needs the token of its delivery, or a feedback loop whose DKIM signature a node has verified. Others are shown
  as unverified, once a delivery, and counted for the operator (\`feedback_unverified\`).
- A node has a token of its own, bound to its id: it reads only what it has leased, reports only on leases of its own, and
  what it says of the place where customers submit is shown only once the operator lets it be.
- An SMTP client that talks before it is greeted is refused. Strangers are greeted a tenth of a second late for that; who has waited is
  greeted at once for a day, and has to wait again when it talks early.
- A key that logged in by SMTP may do so for another minute without being asked about; each message is accepted only with a key that is
  good then, so that a revoked one sends nothing.
- A request or SMTP session without a good credential costs little before it is refused: measured at most 5 D1 rows, 12 ms
  of CPU and 66 KiB of memory beyond its bytes (\`npm run bench -- door\`, the least of a few rounds on one machine).
- The exception is a guess of a password, which is hashed by scrypt (N 16384, r 16, p 1: 32 MiB): some 70 ms of CPU. Cheaper
  it must not be, since whoever has stolen the database guesses at the same price; what OWASP recommends costs more, and
  PBKDF2, which the platform has built in, ends there at a sixth of the iterations that are recommended. An unknown address
  is hashed too, or time would tell. So their number is limited before anything is hashed: 5 a minute of one source for one
  address, 20 of one source whatever the addresses, 300 of all strangers together. Who is kept out by a flood of others comes
  in by a browser that has been here before, a passkey or a mailed link.
- An **audit log** has who did what from where for 90 days: sign-ins, keys, members, domains, webhooks, suppressions,
  settings, calls of the operator. Owners read it in the settings, programs by \`GET /v1/audit\`.

## What is not

- Whoever has the Cloudflare account, the Worker's secrets or a node's disk has everything. A node holds private keys in memory
  while it signs, and mail while it delivers it.
- Mail is not encrypted beyond TLS to the next host, and its content is kept readable for as long as the account says.
- Limits by source are counted by place of Cloudflare's network, not world-wide. Behind another proxy all are one source.
- The operator can join any account; that stands in its audit log.

## Reporting a weakness

Report a weakness to the maintainers in private, by a security advisory of the repository rather than an issue; an answer
comes within three working days.
`;
