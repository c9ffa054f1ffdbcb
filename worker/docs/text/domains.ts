/** Made from worker/docs/domains.md by `npm run docs`; change it there. */
export const text = `# Domains and DNS

A domain sends once its DNS records prove that it is yours and that we may send for it. Its types are \`outbound\`
(send; the MX stays with your mailbox provider), \`inbound\` (receive), \`both\`, and \`alias\` (its addresses are aliases,
whose mail is sent on).

Add it on the page Domains, or by the API (\`API\` is the address of the installation, \`KEY\` a key with the scope \`manage\`):

\`\`\`sh
curl $API/v1/domains -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' -d '{"domain":"example.com"}'
curl "$API/v1/domains/example.com/dns?format=bind" -H "Authorization: Bearer $KEY"   # publish these
curl -X POST $API/v1/domains/example.com/verify -H "Authorization: Bearer $KEY"      # found, missing, and the fix
\`\`\`

## Records

<!-- generated:record-checks -->

| record | type | name | value | purpose | needed for |
| --- | --- | --- | --- | --- | --- |
| \`ownership\` | TXT | \`_pennypost.example.com\` | \`pennypost-verification=…\` | proves that the domain is yours | required: outbound, inbound, both, alias |
| \`spf\` | TXT | \`example.com\` | \`v=spf1 include:_spf.<SERVICE_DOMAIN> ~all\` | lets our servers send for the domain (RFC 7208) | required: outbound, both, alias |
| \`dkim\` | TXT | \`pennypost._domainkey.example.com\` | \`v=DKIM1; k=rsa; p=…\` | lets receivers verify our signature (RFC 6376) | required: outbound, both, alias |
| \`dkim_ed25519\` | TXT | \`pennypost-ed._domainkey.example.com\` | \`v=DKIM1; k=ed25519; p=…\` | a second, shorter signature (RFC 8463); it signs once it is published | optional: outbound, both, alias |
| \`return_path\` | CNAME | \`pp-bounces.example.com\` | \`bounces.<SERVICE_DOMAIN>\` | brings delayed bounces back and makes SPF align | recommended: outbound, both, alias |
| \`link_host\` | CNAME | \`links.example.com\` | \`links.<SERVICE_DOMAIN>\` | lets links in your mail lead to a name of your own, where opens and clicks are counted | optional: outbound, both |
| \`dmarc\` | TXT | \`_dmarc.example.com\` | \`v=DMARC1; p=quarantine; rua=mailto:dmarc+…@reports.<SERVICE_DOMAIN>\` | says what receivers do with mail that fails SPF and DKIM (RFC 9989) | recommended: outbound, both, alias |
| \`bimi\` | TXT | \`default._bimi.example.com\` | \`v=BIMI1; l=https://example.com/logo.svg; a=https://example.com/logo.pem\` | shows your logo beside your mail at some mailbox providers (BIMI); name the files of your own there | optional: outbound, both, alias |
| \`mx\` | MX | \`example.com\` | \`10 mx.<SERVICE_DOMAIN>\` | brings mail for the domain to us | required: inbound, both, alias |

<!-- /generated -->

## The two that are enough

Two records are enough to send: the \`return_path\` CNAME (SPF is judged on the host it names) and the \`dkim\` TXT (it
holds your own key, which proves ownership too). A DKIM record may also be at the parent domain. An SPF record that
is there already is merged, not doubled: the answer says how. SPF is evaluated as a receiver does, limits included.

## When they are looked at

Records are looked at every 15 minutes while the domain is pending and daily afterwards, and when you ask for it: 10 times a
minute and 60 an hour at most. A DNS failure never turns a
domain off; a record that is proven missing for three days does: the Worker logs it and mails the account's owners. When two accounts claim a
domain, the one that proves ownership has it for as long as it does.

## Links with a name of your own

Links that tell of [opens and clicks](sending.md#opens-clicks-unsubscribing), and those to unsubscribe, lead to the name of this service. With
\`link_label\` (\`POST\` and \`PATCH /v1/domains\`), or Links in its mail on the page of the domain, they lead to a host of your own:

1. \`PATCH /v1/domains/example.com {"link_label": "links"}\`, or \`pennypost domains links example.com --label links\`.
2. Publish the CNAME \`links.example.com\` to \`links.<SERVICE_DOMAIN>\`, the check \`link_host\`. At Cloudflare set it to "DNS only".
3. Once it is found and the domain is verified, a certificate is asked for. \`link_host\` of the domain tells how that stands:

| \`state\` | links in new mail lead to | what comes next |
| --- | --- | --- |
| \`pending\` | the service | the CNAME or the certificate is not there yet; \`fault\` says what is to be done. While the certificate is on its way it is looked at every 15 minutes, for three days, and daily then |
| \`active\` | your host | looked at daily; a CNAME that is gone makes it \`pending\` |
| \`failed\` | the service | it is not issued, or the name may not be served: \`fault\` says why, for example a CAA record (RFC 8659) that names other authorities. It is asked for anew daily, and by \`verify\` |

What is written stays: a link leads to the host that it was written with, whatever the state is later. Links of the service go on when you
begin with a host of your own. A host that you give up while it is active (\`link_label\` changed or \`null\`, the domain removed) goes on for 90 days, with
the links in mail that was sent with it: leave its CNAME as it is for so long. From your host no link of another sender
leads anywhere, and nothing else of the service is there: neither dashboard nor guides nor API.

A CNAME stands alone at its name (RFC 1034 §3.6.2): the label must differ from that of the return path. Where no CNAME can be, the operator may
attach the host in another way; it counts as found once \`https://links.example.com/healthz\` answers as this service.

## Reports about a domain

Receivers report about a domain: who sends in its name (DMARC aggregate reports, RFC 9990, before it RFC 7489), and how those
who send to it fare with TLS (RFC 8460). \`rua\` of the advised DMARC record has them sent to
\`dmarc+<token>@reports.<SERVICE_DOMAIN>\`; \`GET /v1/domains/:id/tls-reports\` tells the record for the others. \`GET
/v1/domains/:id/dmarc?from&to\` and the page Reports of the domain tell days, sources, alignment, and what each source means
in a sentence; mail to these addresses that brings no report about the domain is refused, and so is one over 1 MiB. Anybody
can write a report, so that nothing follows from one; they are kept for 92 days, a hundred a day and kind at most.

## Your logo beside your mail

Some mailbox providers show a logo beside mail that passes DMARC: BIMI (draft-brand-indicators-for-message-identification), a
TXT at \`default._bimi.<domain>\` that names the logo (\`l=\`, a square SVG file of the profile Tiny PS, by HTTPS) and its
certificate (\`a=\`, a VMC or CMC; Gmail and Apple show no logo without one). It counts only where the policy is enforced for all
mail: DMARC with \`p=quarantine\` or \`p=reject\`, without \`pct\` below 100, \`t=y\` or \`sp=none\`, and so at the organisational domain
as well. The check says what is lacking. Nothing depends on it, and zone files have it as a comment only, since it names files
that are yours to make.

## Changing keys

Keys rotate without a gap: \`rotate\` makes a new pair (\`pennypost2\`, \`pennypost2-ed\`) that signs once it is found in
DNS; the old pair goes on beside it for seven days. Take its records away only after that. An Ed25519 key signs only
while it is published.

The selectors begin with \`pennypost\`, or with what \`dkim_selector\` of the domain says (\`POST\` and \`PATCH /v1/domains\`): keys of
the new name are made at once as long as none has signed, and else by the next rotation.

## DKIM by CNAME

A domain may delegate its keys: \`dkim_delegated: true\` (\`POST\` and \`PATCH /v1/domains\`), Delegate by CNAME on its page,
\`pennypost domains add example.com --delegate\`, or \`pennypost domains dkim example.com --delegate yes\`. You publish two CNAME records once, with the
check \`dkim\`:

| name | leads to |
| --- | --- |
| \`pennypost-s1._domainkey.example.com\` | \`s1.<your token>.dkim.<SERVICE_DOMAIN>\` |
| \`pennypost-s2._domainkey.example.com\` | \`s2.<your token>.dkim.<SERVICE_DOMAIN>\` |

The keys, RSA of 2048 bits, are published behind them by the service. One signs and the other stands by. It takes over after 180 days, or at once with
\`rotate\`, provided that it is found in DNS; both sign for seven days then. The old record stays for seven days more, for mail under way, and a
new key takes its place and stands by. Keys of your own that sign already go on until the first delegated one does. Turned off again, a
new pair of your own is made, and the delegated key signs until you have published that.

How the records come into the zone of the service is the matter of [whoever operates it](operate.md#keys-of-domains-that-delegate-dkim).

## A key of your own

A key that you have already, of another service or server, is imported with its selector, so that its record stays as it is:

\`\`\`sh
jq -n --rawfile key private.pem '{selector: "s1", private_key: $key}' |
  curl $API/v1/domains/example.com/dkim -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' -d @-
\`\`\`

Or with the command line: \`pennypost domains dkim example.com --selector s1 --key-file private.pem\`.

It is a PEM file without a passphrase: RSA of 1024 to 4096 bits (PKCS #8 or PKCS #1) or Ed25519 (PKCS #8). The key is checked,
encrypted as the others are, and never shown again. It signs once its record is found, and the key of its kind before it
retires seven days later.

## Where to publish them

The names above are whole names. Most providers want only the part before your domain, and add the domain by themselves: whoever
writes the whole name there publishes \`pennypost._domainkey.example.com.example.com\`.

| provider | what to write as the name | to know |
| --- | --- | --- |
| Cloudflare | either form | set the CNAME to "DNS only": proxied, it does not lead to us |
| Amazon Route 53 | the part before the domain; the form shows the domain behind its field | a TXT stands in quotes, and one of more than 255 characters is written as several quoted pieces in one value |
| Google Cloud DNS | the part before the domain | as at Route 53 |
| Azure DNS | the part before the domain, \`@\` for the domain itself | |
| GoDaddy | the part before the domain, \`@\` for the domain itself | |
| Namecheap | the part before the domain, \`@\` for the domain itself | only in "Advanced DNS" |
| Hetzner | the part before the domain, \`@\` for the domain itself | a whole name ends in a dot |
| OVHcloud, IONOS, Gandi | the part before the domain; empty or \`@\` for the domain itself | |
| a zone file (BIND, Knot, NSD) | \`GET /v1/domains/:id/dns?format=bind\` answers the lines | raise the serial |

For a domain below your zone (\`mail.example.com\` in the zone \`example.com\`) the part is \`pennypost._domainkey.mail\`.

## What often goes wrong

- **Two SPF records.** A name may have one only; two are an error for every receiver (RFC 7208 §4.5). Merge them: the answer of
  \`verify\` says how. With the return-path CNAME you need none of ours.
- **More than ten lookups in SPF** (RFC 7208 §4.6.4). The CNAME avoids it.
- **A CNAME beside other records** of the same name is not possible: choose another \`return_path_label\`.
- **Old answers.** A name that was asked for before it was there may be remembered as missing for as long as the zone's SOA says,
  an hour or so. Verify again later; nothing has to be changed.
- **A DKIM key that was cut.** An RSA key of 2048 bits is longer than 255 characters: the value is one text, in as many quoted
  pieces as it needs, without blanks in between being added.
- **DMARC of the parent** holds for a domain without a record of its own: \`p=reject\` there with strict alignment (\`adkim=s\`,
  \`aspf=s\`) refuses mail that is signed for another name.
`;
