/** Made from worker/docs/deploy.md by `npm run docs`; change it there. */
export const text = `# Deploy

Pennypost has two halves: the edge, which runs on Cloudflare Workers, and one or more nodes, small machines that speak SMTP.
You need a Cloudflare account with the Workers Paid plan (5 USD a month, see [the cost](#which-plan-and-what-it-costs)), a domain
for the service (\`mail.example.org\` in what follows; a name below a domain that you have will do), and a machine whose port 25
is open to the outside and whose address can be given a PTR record.

## In eight steps

1. Clone the repository and run \`npm ci\` (Node.js 20 or newer).
2. Log in: \`npx wrangler login\`.
3. Deploy the edge: \`npm run deploy\`. It asks for the service domain and for the address of the dashboard, shows what it will
   make, and prints the address and the **set-up code**. The secrets are in \`.pennypost/deployed-secrets.json\`: keep that file.
4. Open the dashboard and set up with the code: you become the operator, and owner of the first account.
5. Start a node on the machine with port 25, see [a node](#a-node). Its name needs A and, with IPv6, AAAA records, and a PTR
   record of each address that leads back to the name.
6. Publish the DNS records of the service domain: \`npm run deploy -- --dns\` does it where the zone is in the account, and prints
   them otherwise.
7. On the node, and with its settings, ask what is still missing: \`npm run doctor\`. Each finding comes with its fix.
8. In the dashboard: add the domain that you send from, publish [its records](domains.md), make a key under SMTP & API, and
   send a test.

## The edge

\`npm run deploy\` asks for the service domain (for example \`mail.example.org\`), shows what it will make or change (D1
database \`pennypost\`, R2 bucket \`pennypost-raw\`, queues \`pennypost-delivery\`, \`pennypost-webhook\` and
\`pennypost-relay-events\`, the Worker with its Durable Objects and five secrets), and does it. Anybody of the team may run it again from any clone, after each update and
after a run that failed:

- Secrets that the Worker has are never overwritten unless \`-- --rotate NAME\` says so (a new key of \`RETURN_PATH_KEYS\` or
  \`ENCRYPTION_KEYS\` goes before the old ones). A database that holds data gets no new secrets in the place of lost ones. Secrets
  that are missing go to the Worker together with the version that needs them.
- Variables, routes and custom domains stay as they are, wherever they were set. \`--var NAME=TEXT\` sets one, \`--domain HOST\` serves
  the Worker at a host of a zone in the account.
- \`--dns\` shows the DNS records of the service domain and publishes those that are missing, \`--email-routing\` lets Email Routing
  bring mail for \`bounces.<service domain>\` to the Worker; where the zone is not in the account, or used otherwise, they print
  what to do.
- \`--link-hosts\` lets customers' [own names for links](operate.md#certificates-of-link-hosts) reach the Worker; what it adds to the zone is shown first.
- The first deployment asks for a relay, for mail while the network of the nodes [closes port 25](no-port-25.md); \`--relay cloudflare\`,
  \`--relay ses --relay-user USER\` or \`--relay HOST:PORT\` says it at any time, its secret is asked for or comes as
  \`PENNYPOST_RELAY_SECRET\`. \`--relay cloudflare-binding\` needs no secret and [no node](no-port-25.md#without-a-node). Where there is no rule yet, mail then goes straight, and by the relay where that is closed.
- Queues of the former names \`delivery\` and \`webhook\` are left to whom they belong.

It logs in as wrangler does: \`npx wrangler login\`, or \`CLOUDFLARE_API_TOKEN\` with the permissions D1, Workers R2 Storage, Queues and
Workers Scripts (Edit) and Account Settings (Read), and for \`--domain\`, \`--dns\`, \`--email-routing\` and \`--link-hosts\` those of the zone that it
names when they are missing. \`npm run deploy -- --help\` tells the options; \`--dry-run\` builds and checks without an account.

All variables and secrets are told in [Settings](settings.md).

## A node

A node runs on any machine with port 25 open and matching A, AAAA and PTR records; without it mail [leaves by a relay](no-port-25.md).

\`\`\`sh
PENNYPOST_EDGE_URL=https://pennypost.example.workers.dev \\
PENNYPOST_NODE_TOKEN=… PENNYPOST_HOST_NAME=out1.mail.example.org npm run node
\`\`\`

The first node starts with the \`NODE_TOKEN\` of the edge and asks for a token of its own, which it keeps in its data
directory; that secret opens nothing else. \`smtp-node/pennypost-node.service\` is a systemd unit and
\`smtp-node/Dockerfile\` an image. Start more nodes to scale out; each needs a \`PENNYPOST_NODE_ID\` (the host name by
default) and a token of its own: \`npm run nodes -- add out2.mail.example.org --url https://…\` prints both (or the page
Installation, Nodes). A token speaks for one node: it reads only what that node has leased, and ends no lease of
another. \`npm run nodes -- revoke NODE\` holds within a minute; a node that lost its data directory needs a new token.
Where customers submit is told once the operator lets it be (\`npm run nodes -- show NODE\`, or SUBMISSION). Nodes of
before had one secret together: each of them gets its token by itself at its next start. Metrics (Prometheus) and \`/healthz\` are on
\`127.0.0.1:9464\`; logs are JSON lines in which one message can be followed by \`messageId\`.

All settings are told in [Settings](settings.md).

## DNS of the service domain

\`bounces\` MX to the nodes and a TXT \`v=spf1 include:_spf.… -all\`, \`_spf\` TXT with the nodes'
addresses, \`mx\` A and AAAA of the nodes that receive, \`reports\` MX to the nodes and \`*._report._dmarc.reports\` TXT \`v=DMARC1\`
(RFC 9990: it may be named in the DMARC records of customers), and the DKIM keys of \`sandbox\` (from there new accounts send before
they have a domain; made when the dashboard is set up). \`npm run deploy -- --dns\` publishes all of them. Then ask the doctor, on the node and with its settings, what is
still missing:

\`\`\`sh
npm run doctor          # port 25, names, PTR, certificate, DNS, clock, edge, blocklists; each with the fix; --json
\`\`\`

The dashboard's page Installation makes those of its checks that the Worker can make, and looks at the database, cron,
queues, nodes and webhooks.

## By commands alone

The dashboard is not needed: the operator's calls make an account, a key and a domain. With \`"verified": true\` you vouch for the
domain yourself.

\`\`\`sh
admin() { curl -s "$API/admin/v1$1" -H "Authorization: Bearer $OPERATOR_TOKEN" -H 'Content-Type: application/json' -d "$2"; }
admin /accounts '{"name":"Shop"}'
admin /accounts/1/credentials '{"environment":"live"}'                  # answers the key, once
admin /accounts/1/domains '{"domain":"example.com","verified":true}'   # sends at once; answers its DKIM records
\`\`\`

## Which plan, and what it costs

The Workers Paid plan (5 USD a month). The free one does not do: a sign-in by password takes some 160 ms of CPU (scrypt), where
10 ms are allowed; a minute's tick of cron makes up to 400 statements, where 50 are; and one database may have 500 MB there.

A month, by list prices and what the plan includes, from what a message of 4 kB one by one was measured to use, with the polls of
one node and the ticks of cron:

<!-- generated:months -->

| messages a month | USD | of which |
| --- | --- | --- |
| 10,000 | 5.00 | all is included in the plan |
| 1,000,000 | 5.00 | all is included in the plan |
| 10,000,000 | 37.77 | plan 5, requests 6.17, CPU 1.33, rows written 20.16, storage 3.76, hub 1.35 |

<!-- /generated -->

Nodes are extra: one small machine with a good address does for all three.

### At a rate

On paper, from messages of 4 kB that were measured 50 at once, each number with its source. \`npm run bench -- capacity\` prints both tables
for a run of its own; with \`--keep\` it writes what these are computed from.

<!-- generated:capacity -->

| messages a second | 10 | 100 | 1,000 | 10,000 | from |
| --- | --- | --- | --- | --- | --- |
| messages a day, million | 0.86 | 8.6 | 86 | 860 | 86,400 seconds |
| homes | 4 | 40 | 396 | 3,953 | 795 bytes of metadata for 34.5 days and 1,024 of body for 4.5, measured in pages; 70 % of 10 GB (D1, limits) |
| installations | 1 | 1 | 2 | 16 | ids of messages name 256 homes: some 648 messages a second in one installation |
| Cloudflare accounts, by the size of D1 | 1 | 1 | 3 | 28 | 1 TB an account, more on request (D1, limits) |
| round trips a second in a home | 5.8 | 5.8 | 5.9 | 5.9 | 2.3 a message, measured |
| a home is busy, at most | 1.3 % | 1.3 % | 1.3 % | 1.3 % | 5 ms a message: CPU of all that stands in for D1, queues and R2, measured |
| rows written a second | 70 | 700 | 7,000 | 70,000 | 7 a message, measured, purge included |
| requests a second | 11 | 112 | 1,116 | 11,160 | 1.12 a message, measured: one to send, leases and results of many |
| CPU of the Worker, cores | 0.019 | 0.19 | 1.9 | 19 | 1.93 ms a message, measured by V8's sampling |
| hub requests a second, all installations | 2 | 19 | 185 | 1,850 | 0.19 a message, measured; an object takes some 1,000 (Durable Objects, limits), and each installation has its own |
| queue operations a second | 0.15 | 2 | 20 | 200 | 0.00 a message, measured; ticks of homes; retries and webhooks come on top; a queue takes 5,000 messages a second (Queues, limits) |
| queues | 1 | 1 | 1 | 1 | the same |
| R2 operations a second | 0 | 0 | 0 | 0 | measured: bodies of up to 32 KiB are in D1 |
| cores of nodes | 1 | 1 | 2 | 18 | 1.2 ms a message, the budget that the section \`node\` keeps; 70 % busy |
| USD a month, nodes aside | 160 | 2,100 | 22,000 | 220,000 | list prices of all of this, less what the plan includes |

<!-- /generated -->

A database is full long before it is busy, which is why there are so many of them. An account lives in one, so that it sends no more a day
than one holds; accounts are spread over databases by \`npm run deploy -- --homes N\` ([Operate](operate.md#more-databases)). Beyond what one
installation can take, they are spread over several, each with a service domain of its own. The 1 TB of a Cloudflare account is full with 142
homes at 70 %.
`;
