/** Made from worker/docs/operate.md by `npm run docs`; change it there. */
export const text = `# Operate

## Is it well?

- \`GET /healthz\` of the Worker answers 200 while it is set up.
- A node has \`/healthz\` (200, or 503 with the reason), \`/metrics\` (Prometheus), \`/shaping\` (how much each destination gets,
  and why one is left alone) and \`/addresses\` (what left today [from each address](#several-sending-addresses)) on \`127.0.0.1:9464\`. Its logs are JSON lines; one message can be followed by \`messageId\`.
- The dashboard's page Installation looks at the database, cron, queues, nodes, webhooks and DNS.
- \`npm run doctor\` on a node checks port 25, names, PTR, certificate, DNS, clock, edge and blocklists.
- \`GET /admin/v1/counters?days=7\` with the operator token counts what had no effect, see [Receiving](receiving.md#what-comes-back).

## What to watch

Each metric of a node, with a rule for Prometheus. \`pennypost_…\` are ours; \`process_…\` and \`nodejs_…\` are those of every program with
this library.

| metric | what it is | alert when |
| --- | --- | --- |
| \`up\` | Prometheus could ask the node | \`up{job="pennypost"} == 0\` for 2 min |
| \`pennypost_edge_reachable\` | 1 when the last request to the edge was answered | \`pennypost_edge_reachable == 0\` for 5 min |
| \`pennypost_unreported_outcomes\` | outcomes that the edge does not know yet; from \`PENNYPOST_MAX_UNREPORTED\` on no more is sent | \`pennypost_unreported_outcomes > 500\` for 5 min |
| \`pennypost_running_deliveries\` | deliveries in flight | \`pennypost_running_deliveries >= 50\` for 30 min (your \`PENNYPOST_SLOTS\`): more nodes or slots |
| \`pennypost_leases_total\` | deliveries that were leased | \`rate(pennypost_leases_total[15m]) == 0\` where mail is always sent |
| \`pennypost_leases_released_total\` | leases given back untried | \`rate(pennypost_leases_released_total[15m]) > 0.1 * rate(pennypost_leases_total[15m])\` for 30 min |
| \`pennypost_deliveries_total\` | attempts by \`outcome\` | \`sum(rate(pennypost_deliveries_total{outcome="bounced"}[1h])) > 0.05 * sum(rate(pennypost_deliveries_total[1h]))\` |
| \`pennypost_delivery_seconds\` | duration of an attempt by \`outcome\` | \`histogram_quantile(0.95, sum by (le) (rate(pennypost_delivery_seconds_bucket[15m]))) > 60\` |
| \`pennypost_submissions_total\` | messages by SMTP, by first digit of the reply | \`sum(rate(pennypost_submissions_total{reply="4"}[15m])) > 0.1\` |
| \`pennypost_logins_total\` | logins by SMTP, by reply | \`sum(rate(pennypost_logins_total{reply="535"}[15m])) > 1\` (somebody guesses, or a client has an old key) |
| \`pennypost_returned_total\` | mails to return paths, by first digit of the reply | \`sum(rate(pennypost_returned_total{reply="4"}[15m])) > 0.1\` |
| \`pennypost_returned_recipients_total\` | recipients of those, by reply | \`sum(rate(pennypost_returned_recipients_total{reply="550"}[1h])) > 1\` (mail to addresses that are not there) |

From the outside: \`GET /healthz\` of the Worker (200), a connection to port 25 of each node, and the days that its certificate is still
good for. A real test is the simulator: send to \`delivered@simulator.<service domain>\` every minute with a key of its own, and alert
when its \`email.delivered\` does not come to your endpoint within a minute or two.

## People and ways in

\`npm start\` and \`npm run deploy\` print the address of the dashboard and a one-time code. The first visit makes the operator and owner; everybody else is invited: owners change
everything, developers send and change keys, domains and webhooks, viewers only look. Sign-in is by password, by a
mailed link, and with an authenticator app as a second step. Passkeys sign in too, and count as both steps; they need the
dashboard under a host name. The mails go through Pennypost itself, from \`MAIL_FROM\` or the domain that the operator
chooses on the page Installation; no account shows them. An address is proven when a mail to it was read: every way in
from before the first time ends with that.
Pages work without scripts; with them, times are in your zone and lists follow what happens.

## Upgrade and rollback

1. \`npm run deploy\` from a clone of the new version. It migrates the database, then uploads the Worker with its variables
   and whatever secrets are new, as one version.
2. Then the nodes, one after the other: a Worker understands the nodes of the version before. A node that stops finishes what it
   has begun, and its journal tells the rest. From a version in which nodes had one secret together (0.1.0) start all nodes anew
   at once after the Worker: they are refused until then, mail waits, and senders to return paths are told to come again.

Back goes the other way round: first the nodes, then the Worker, by \`npx wrangler rollback --name pennypost\` (secrets and variables of that
version with it) or by \`npm run deploy\` from a clone of the version before. The database stays as it is: migrations only add, so
that the version before reads and writes on (\`test/deploy/additive.test.ts\` holds every earlier schema, and the statements
that earlier versions asked, against the present one; \`npm run statements\` keeps those of a version when it is released). Rows of
mail may have a newer form than that version reads, so the first deployment of a version still writes the form of the one before
it, and only the next deployment the newest (\`WRITES_ROWS\`; \`npm run deploy\` again, once you would not go back any more). After that
\`npm run deploy\` from a clone that cannot read these rows stops with a sentence. Version 0.1.0 is too old to have that sentence: do not go
back to it once \`WRITES_ROWS\` is above 1. Point-in-time
recovery of D1 (\`npx wrangler d1 time-travel\`) is for damage, not for rollback: it takes back accepted mail as well.

## Backup and restore

\`\`\`sh
PENNYPOST_PASSPHRASE=… npm run backup -- backups/2026-11-26      # where it was deployed: Cloudflare shows secrets to nobody
PENNYPOST_PASSPHRASE=… npm run restore -- backups/2026-11-26     # from a fresh clone, into an account without an installation
\`\`\`

A backup is every database as SQL, the secrets sealed with the passphrase (scrypt, AES-256-GCM), the Worker's variables, and a list of the keys in R2,
where messages of over 32 KiB and large received mail are kept for some days; copy these with rclone where they matter. While D1 writes the SQL
it answers nothing else: clients and nodes get an error and try again, so take it in a quiet hour. Restored, keys, domains with
their DKIM keys, webhooks, people and messages work as before; what was waiting is delivered, so the installation before must no longer send.

## Capacity and several nodes

A node works on one core, and signs on a second. On a machine with more of them let it have workers, processes that share its ports:

\`\`\`sh
npm run nodes -- add out1.mail.example.org --workers 4 --url https://…   # prints four tokens in two settings
npm run node -- --workers 4                                              # or PENNYPOST_WORKERS=4
\`\`\`

Towards the edge each worker is a node: the second is \`out1.mail.example.org-2\`, with a token and, in \`worker-2\` of the data directory, a
journal of its own; no two can use one. \`/metrics\`, \`/healthz\` and \`/shaping\` tell of all together. Slots are each worker's own; limits of
connections, to a peer and from a client, hold for all together. When a worker ends by itself the others are stopped and the process ends
with 1, for whoever runs it to start it again. With fewer workers than before, what the journals of the others hold untold is told when they
run again; mail that they had leased is taken up by others when the lease ends, as with a node that is lost.

Start more nodes ([Deploy](deploy.md#a-node)); each leases what it has room for, in every database.

Before a node is taken away, stop it gracefully (SIGTERM, \`systemctl stop\`): it finishes what it has begun, gives back the rest, and
reports; then take its address out of \`_spf\` and \`mx\`, and revoke its token. A node that is lost for good loses no mail: what it had
leased is taken up by another when the lease ends, and says \`maybeAccepted\` where it may have been sent already.

## Several sending addresses

Receivers judge mail by the address that it comes from. A node with several addresses keeps urgent mail apart from digests, gives an
account its own, and takes a new one into use bit by bit: \`PENNYPOST_SENDING_ADDRESSES_FILE\` names a JSON file with up to 256 of them.

\`\`\`json
[
  {"name": "out1.mail.example.org", "ipv4": "192.0.2.10", "ipv6": "2001:db8::10"},
  {"name": "out2.mail.example.org", "ipv4": "192.0.2.11", "since": "2026-11-28"},
  {"name": "out3.mail.example.org", "ipv4": "192.0.2.12", "classes": ["digest"]},
  {"name": "out4.mail.example.org", "ipv4": "192.0.2.13", "accounts": [7]}
]
\`\`\`

- \`name\` is said in EHLO. It needs A (and AAAA) with these addresses, they need it as PTR, and \`_spf\` needs them: \`npm run doctor\` looks
  at each, from each.
- \`classes\`, \`accounts\`: only that mail leaves from it, and that mail leaves from nowhere else while it has room. One address must be for
  all mail. \`GET /admin/v1/accounts\` has the numbers of the accounts.
- \`since\`: the day (UTC) on which it began to send. Its ramp goes by the table of [a new domain](limits.md#warming), by age alone: 50 on the
  first day, at most a tenth of the day's in an hour, warm after 56 days. What is over goes to the warm addresses, those for all mail at
  last. Where every address ramps, mail goes over the ramp: it never waits for an address.
- A second attempt comes from the same address where that has room, as greylists want it. Connections, pauses and what is known of silent
  hosts are each address's own.
- The event of an attempt has the name as \`from\` in its details. The dashboard's page Nodes (Installation, Nodes) and
  \`GET /admin/v1/nodes\` tell of up to 64 addresses today's attempts, the day of the ramp, what it allows, and for which domains one is
  paused, as it was within a minute of the node's last request; \`/addresses\` of the node tells it at once. With several workers each has its share of a ramp. A crash forgets the counts of its last five seconds.

Mail by a relay leaves from \`PENNYPOST_OUTBOUND_ADDRESSES\`, under the node's own name.

## More databases

One database (a home) is at 70 % of what it holds with some 218,000 messages of 4 kB a day, long before it is busy. \`npm run deploy -- --homes 3\` makes further
ones, migrates and binds them; there are never fewer afterwards. \`npm start -- --homes 3\` does the same on one machine.

- An account lives in one home, with its mail and all that it has made. A new one goes to the emptiest home that is under 70 %, or where the
  operator says: \`POST /admin/v1/accounts {"name": "Shop", "home": 2}\`. Accounts that are there stay where they are until they are
  [moved](#moving-an-account).
- The first home also has what spans accounts: people, nodes, the operator's log. Mail of the installation itself is sent from a domain of an
  account that lives there, and so does the shared alias domain, whose aliases are for accounts of that home.
- The page Installation and \`npm run doctor\` tell of each home how full it is, how it grows, and the days until 70 %.
- What the operator decides (a suspension, a limit) is written to the first home and then to the account's; where that fails the answer is an
  error, and cron writes it within some minutes.

### Moving an account

\`\`\`sh
curl -X PUT $API/admin/v1/accounts/7/home -H "Authorization: Bearer $OPERATOR_TOKEN" -H 'Content-Type: application/json' -d '{"home": 2}'
# 202 {"id":7,"home":0,"move":{"from":0,"to":2,"state":"copying","waits_for":null,…}}
curl $API/admin/v1/accounts/7/home -H "Authorization: Bearer $OPERATOR_TOKEN"     # how far it is; "move": null when it is over
\`\`\`

Everything of the account goes: its mail, what waits, what it has received, keys, domains, endpoints, statistics, its log. It sends and receives
meanwhile. Keys, message ids, links and return paths of mails that were sent before, cursors of events and webhooks stay good.

| state | how long | what it means |
| --- | --- | --- |
| \`copying\` | some thousand messages a second at best | it works as ever; what changes is copied again |
| \`frozen\` | a second or two, at most 40 | what would change something of it is answered 503 with \`Retry-After\`, by SMTP 451; nodes pass its mail over |
| \`left\` | three minutes | it lives in the new home. An isolate of the Worker that has not heard of it answers a send 503 once, within the first minute |
| \`removing\` | as long as the copying | the old copy goes |

A freeze that does not come to its end is given up, \`waits_for\` says why, and it is tried again after a minute. A Worker that is killed at any
point does no harm: cron goes on within a minute. Mail objects in R2 stay where they are. An account with aliases at another account's
domain (the shared one) cannot be moved before they are deleted; the call says so.

## Changing secrets and keys

| what | how | what it does |
| --- | --- | --- |
| a key of a sender | make a new one, change the sender, revoke the old one | no message is accepted with it any more; by SMTP it may log in for another minute |
| the secret of a webhook | \`POST /v1/webhooks/:id/rotate\` | both sign for 24 hours |
| DKIM keys of a domain | \`POST /v1/domains/:id/dkim/rotate\` | see [Changing keys](domains.md#changing-keys) |
| the token of a node | \`npm run nodes -- add NODE\`, start it with the new one, \`npm run nodes -- revoke NODE HINT\` | |
| \`OPERATOR_TOKEN\`, \`NODE_TOKEN\` | \`npm run deploy -- --rotate NAME\` | the old one ends at once; tokens that nodes have go on |
| \`ENCRYPTION_KEYS\` | \`npm run deploy -- --rotate ENCRYPTION_KEYS\` | a new first key; cron encrypts all anew, and the page Installation says when the old one may go; receivers that check webhooks by public keys must have fetched the new one by then |
| \`RETURN_PATH_KEYS\` | \`npm run deploy -- --rotate RETURN_PATH_KEYS\` | a new first key; while the old one is kept, bounces and links of earlier mail work |
| \`AUTH_SECRET\` | \`npm run deploy -- --rotate AUTH_SECRET\` | all sessions end, and authenticator apps open nothing any more: take second factors off first |

## Keys of domains that delegate DKIM

Domains with [DKIM by CNAME](domains.md#dkim-by-cname) have their key records below \`dkim.<SERVICE_DOMAIN>\`. Where that zone is at Cloudflare, the Worker
publishes them: make a token with the permission Zone > DNS > Edit for this zone alone, then \`npx wrangler secret put DNS_TOKEN\` and
\`npm run deploy -- --var DNS_ZONE=<id of the zone>\`. It writes TXT records at names of that form and no others.

Without a token they are yours to publish:

\`\`\`sh
curl "$API/admin/v1/dkim-records?format=bind" -H "Authorization: Bearer $OPERATOR_TOKEN"   # as a zone file; without format as JSON
\`\`\`

The list tells what is to be there now, keys that have stopped signing for seven days included. Ask for it daily, for example from cron: a key that is not
found does not sign, so a record that comes late puts a rotation off and loses no mail. The page Installation looks at the newest 20, published in either way, and says
what is missing or wrong (\`delegated-dkim\`).

Records of domains that were removed stay in the zone; they are public keys whose private half is gone. Take away what the list does not have.

## Certificates of link hosts

Domains may have [a host of their own for links](domains.md#links-with-a-name-of-your-own), a CNAME to \`links.<SERVICE_DOMAIN>\`. Where that zone is at
Cloudflare, its custom hostnames (Cloudflare for SaaS) bring such hosts to the Worker, with certificates that are issued and renewed there:

1. \`npm run deploy -- --link-hosts\` shows, and adds, what is missing in the zone: \`links\` as a proxied name without an origin (AAAA \`100::\`), the
   fallback origin of custom hostnames, and the route \`*/*\` to the Worker. Two routes without a Worker, \`*.<zone>/*\` and \`<zone>/*\`, keep the zone's
   own names where they are. What is used by something else is left alone, and what to do is printed.
2. Give the token of \`DNS_TOKEN\` the permission Zone > SSL and Certificates > Edit for that zone (beside Zone > DNS > Edit, which DKIM by CNAME needs):
   \`npx wrangler secret put DNS_TOKEN\` and \`npm run deploy -- --var DNS_ZONE=<id of the zone>\`.

The Worker then makes a custom hostname for each link host of a verified domain whose CNAME it finds, asks for validation again when that failed,
and removes it 90 days after the host was given up, or the domain removed. A plan has a number of custom hostnames, and more cost money. While the API does not answer, a host stays as
it was, with its words in \`fault\`.

Without a token you attach hosts yourself: as a custom domain of the Worker where their zone is in the account (\`--domain links.example.com\`), or by a
proxy with a certificate in front. A host is \`active\` once \`https://<host>/healthz\` answers as this service.

## Port 25 and PTR

A node needs port 25 out (to deliver) and in (bounces, received mail). Many providers of machines close it until one asks: look for
"SMTP" or "port 25" in their support pages, and say that you send transactional mail of your own domains, with bounces and
complaints handled. Cloudflare itself has no outgoing port 25, which is why nodes are machines of your own. Until it is open, mail
can [leave by a relay](no-port-25.md).

The PTR record of the address is set where the machine is rented (often "reverse DNS"), not in your zone. It must name
\`PENNYPOST_HOST_NAME\`, and that name's A or AAAA must lead back to the address. IPv6 without a PTR is refused by Google and others: set it,
or \`PENNYPOST_OUTBOUND_IPV4_ONLY=true\`. \`npm run doctor\` looks at all of this.

## Blocklists

\`npm run doctor\` asks whether the node's addresses are listed. When one is:

1. Find out why before you ask to be removed: bounces and complaints by domain are on the page Statistics; suspend the account that
   sends what nobody wants.
2. Ask the list's own page for removal (Spamhaus, SpamCop, Barracuda each have one, free). Whoever asks for money can be ignored.
3. A new machine often has an address with a past: ask the provider for another one before you warm it.

Sign up for what the large receivers tell senders: Google Postmaster Tools (for your domains), Microsoft SNDS and JMRP (for addresses), Yahoo's
Complaint Feedback Loop (for DKIM domains). Complaints of these loops are read when they come to \`fbl@bounces.<service domain>\`, see
[Receiving](receiving.md#what-comes-back).
`;
