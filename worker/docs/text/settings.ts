/** Made from worker/docs/settings.md by `npm run docs`; change it there. */
export const text = `# Settings

Everything that the two halves can be told.

## Of the Worker

Variables are set by \`npm run deploy -- --var NAME=TEXT\`; secrets are made and kept by \`npm run deploy\` (see
[Deploy](deploy.md)).

<!-- generated:worker-settings -->

| setting | kind | meaning |
| --- | --- | --- |
| \`SERVICE_DOMAIN\` | variable | the operator's own domain; \`bounces.\`, \`reports.\`, \`_spf.\` and \`mx.\` live below it |
| \`NODE_TOKEN\` | secret | with which the first SMTP node asks for a token of its own |
| \`OPERATOR_TOKEN\` | secret | what opens \`/admin/v1\` |
| \`RETURN_PATH_KEYS\` | secret | HMAC keys of return-path tokens and of links in mails, base64, 32 bytes each; comma-separated, the newest first. A key that is taken away ends the links that it made |
| \`ENCRYPTION_KEYS\` | secret | AES-256 keys that encrypt DKIM private keys and webhook secrets, base64, 32 bytes each; comma-separated, the newest first |
| \`AUTH_SECRET\` | secret | signs the sessions of the dashboard and encrypts the secrets of authenticator apps |
| \`MAIL_FROM\` | variable | sender of sign-in links and invitations, an address of a verified domain of an account that the operator owns; empty: \`no-reply@\` the domain that the operator chose on the page Installation |
| \`PUBLIC_URL\` | variable | where the dashboard is reached, e.g. \`https://mail.example.org\`: links in mails and cookies are made of it, and pages refuse every other host. Empty: pages open by a loopback host only (\`npm start\`) |
| \`SUBMISSION\` | variable | where clients submit by SMTP, as the dashboard tells it: \`host:port:tls-port\`; empty: where the operator lets a node be shown |
| \`ALIAS_DOMAIN\` | variable | the domain, of type \`alias\` and verified for an account of the operator, at which every account may have aliases; empty: none is shared |
| \`DIGEST_PAUSE\` | variable | sender health of an account at which its mail of class \`digest\` waits until it is better: \`warning\`, \`danger\` or \`critical\`; \`off\`: it never waits for that |
| \`METER\` | variable | set to \`1\`: every answer tells in \`Server-Timing\` what it cost at D1 |
| \`DOH_URL\` | variable | DNS over HTTPS endpoint (JSON form) that domains are verified and webhook URLs judged with |
| \`SOURCE_HEADER\` | variable | header field in which the proxy in front tells where a request comes from, whatever the client says in it; empty: nobody tells, and all requests are of one source. \`npm start\` leaves it empty |
| \`FEEDBACK_LOOPS\` | variable | feedback loops besides the known ones whose signed reports suppress: From addresses, or domains from which nobody else can send; comma-separated |
| \`WRITES_ROWS\` | variable | the form in which rows of mail are written: a deployment sets it to what the version before can read, so that one can go back to that; the next deployment sets it to the newest |
| \`DNS_TOKEN\` | secret | a token of Cloudflare for the zone of \`DNS_ZONE\`. With the permission Zone > DNS > Edit, keys of domains that delegate DKIM are published by it; with Zone > SSL and Certificates > Edit, certificates of link hosts are asked for. Empty: you publish those keys (\`GET /admin/v1/dkim-records\`) and attach those hosts yourself |
| \`DNS_ZONE\` | variable | id of the zone that \`SERVICE_DOMAIN\` is in, with \`DNS_TOKEN\` |
| \`ALLOW_LOCAL_WEBHOOKS\` | variable | set to \`1\` for development: webhook endpoints may be on the loopback host, by http too |

<!-- /generated -->

## Of a node

From the environment of \`npm run node\`.

<!-- generated:node-settings -->

| setting | default | meaning |
| --- | --- | --- |
| \`PENNYPOST_EDGE_URL\` | required | Base URL of the edge (the Worker), without a path. |
| \`PENNYPOST_NODE_TOKEN\` | required | The token of this node, as the operator made it (\`npm run nodes -- add NODE\`). The first node may have the \`NODE_TOKEN\` of the edge: it asks for a token of its own with it and keeps that in its data directory. Keep it secret. |
| \`PENNYPOST_HOST_NAME\` | required | Public host name of the node: said in EHLO and in the greeting. Its A, AAAA and PTR must agree. |
| \`PENNYPOST_NODE_ID\` | none | Name of the node towards the edge, one a running node. Empty: the host name. |
| \`PENNYPOST_DATA_DIR\` | \`.pennypost/node\` | Directory of the journal, the spool of large messages and the self-signed certificate. |
| \`PENNYPOST_WORKERS\` | \`1\` | Processes that share the work of this node, for machines with several cores; also \`--workers\`. Each has a journal and slots of its own, and from the second on an id (\`NODE_ID-2\`) and a token of its own; limits of connections hold for all together. |
| \`PENNYPOST_WORKER_TOKENS\` | none | Tokens of the second worker and those after it, comma-separated, as \`npm run nodes -- add NODE --workers N\` prints them. |
| \`PENNYPOST_LOG_LEVEL\` | \`info\` | Least level that is logged: \`trace\`, \`debug\`, \`info\`, \`warn\`, \`error\`, \`fatal\` or \`silent\`. |
| \`PENNYPOST_EDGE_TIMEOUT_SECONDS\` | \`30\` | How long an answer of the edge is awaited. |
| \`PENNYPOST_STOP_SECONDS\` | \`30\` | How long a graceful stop may take before running transactions are left to the journal. |
| \`PENNYPOST_SLOTS\` | \`50\` | Deliveries that are worked on at once, an eighth of them \`priority\` only. Those that wait for a peer are not counted, up to ten times as many. |
| \`PENNYPOST_POLL_SECONDS\` | \`5\` | How often work is asked for when the edge does not wake the node. |
| \`PENNYPOST_MAX_UNREPORTED\` | \`1000\` | Outcomes that may wait for the edge before no more work is leased. |
| \`PENNYPOST_DNS_SERVERS\` | none | DNS servers for MX lookups, comma-separated, each with an optional port. Empty: those of the system. |
| \`PENNYPOST_DNSSEC\` | \`auto\` | Whose word on DNSSEC is taken, which DANE needs: \`auto\` (a resolver of the system that runs on this machine), \`trust\` (the DNS servers in use validate, and the way to them is safe), the URL of a validating one over HTTPS (RFC 8484), or \`off\`. |
| \`PENNYPOST_OUTBOUND_PORT\` | \`25\` | Port of the MX that is connected to. Other than 25 only for tests. |
| \`PENNYPOST_OUTBOUND_ROUTE\` | none | Deliver everything to this \`host:port\` instead of to the MX. For tests and captures. |
| \`PENNYPOST_OUTBOUND_ADDRESSES\` | none | Local addresses to send from: one IPv4, one IPv6 or both. Empty: the system chooses. |
| \`PENNYPOST_SENDING_ADDRESSES_FILE\` | none | JSON file with several addresses to send from, each with its name, by class or account and with a ramp: see "Several sending addresses" in [Operate](operate.md#several-sending-addresses). |
| \`PENNYPOST_OUTBOUND_IPV4_ONLY\` | \`false\` | Never connect over IPv6, for machines whose IPv6 address has no PTR. |
| \`PENNYPOST_ALLOW_LOCAL_MX\` | \`false\` | Deliver to MX hosts with local or private addresses, which are refused otherwise. |
| \`PENNYPOST_CONNECTIONS_PER_HOST\` | \`10\` | Connections to one MX address at once. |
| \`PENNYPOST_SHAPING_FILE\` | none | JSON file with limits by provider that differ from the built-in ones: \`{"google": {"attempts": 40}, "mine": {"hosts": [".mx.example"], "attempts": 2}}\`. |
| \`PENNYPOST_BIND_ADDRESS\` | none | Address on which submission and return paths listen. Empty: all. |
| \`PENNYPOST_SUBMISSION_PORTS\` | \`587,2525,2587\` | Submission ports with STARTTLS (RFC 6409). 0: any free one. \`none\`: no such port. |
| \`PENNYPOST_SUBMISSION_TLS_PORTS\` | \`465\` | Submission ports with implicit TLS (RFC 8314). 0: any free one. \`none\`: no such port. |
| \`PENNYPOST_TLS_CERT_FILE\` | none | PEM file of the certificate chain, read again when it changes. Empty: a self-signed one is made. |
| \`PENNYPOST_TLS_KEY_FILE\` | none | PEM file of the private key that belongs to the certificate. |
| \`PENNYPOST_SUBMISSION_MAX_CONNECTIONS\` | \`500\` | Open submission connections of one port. |
| \`PENNYPOST_SUBMISSION_CONNECTIONS_PER_ADDRESS\` | \`50\` | Open submission connections of one client address (IPv6: of one /64). |
| \`PENNYPOST_SUBMISSION_FAILED_LOGINS\` | \`10\` | Failed logins of one client address within 15 minutes before further failures are answered late. A good key is always let in. |
| \`PENNYPOST_SUBMISSION_LOGIN_SECONDS\` | \`60\` | A submission client must have logged in so long after it connected, TLS handshake included. |
| \`PENNYPOST_SUBMISSION_IDLE_SECONDS\` | \`300\` | A submission client that is silent, or has not ended its command line, for so long is disconnected (RFC 5321 §4.5.3.2.7). |
| \`PENNYPOST_SUBMISSION_DATA_SECONDS\` | \`1800\` | Longest time that one message may take to arrive. |
| \`PENNYPOST_RETURN_PATH_PORTS\` | \`25\` | Ports on which incoming mail is taken (return paths, domains that receive), with STARTTLS. 0: any free one. \`none\`: no such port. |
| \`PENNYPOST_RETURN_PATH_MAX_CONNECTIONS\` | \`200\` | Open connections of one port for incoming mail. |
| \`PENNYPOST_RETURN_PATH_CONNECTIONS_PER_ADDRESS\` | \`20\` | Open connections for incoming mail of one client address (IPv6: of one /64). |
| \`PENNYPOST_RSPAMD_URL\` | none | Base URL of an rspamd, e.g. \`http://127.0.0.1:11333\`, that is asked about received mail (\`/checkv2\`) and whose verdict goes with it. It refuses nothing by itself. Empty: none is asked. |
| \`PENNYPOST_METRICS_ADDRESS\` | \`127.0.0.1\` | Address of \`/metrics\` and \`/healthz\`. They are not authenticated; keep them on loopback. |
| \`PENNYPOST_METRICS_PORT\` | \`9464\` | Port of \`/metrics\` (Prometheus), \`/healthz\` and \`/shaping\`. 0: any free one. |

<!-- /generated -->
`;
