/** Made from worker/docs/how-it-works.md by `npm run docs`; change it there. */
export const text = `# How it works

\`\`\`
 HTTPS API ─┐
 SMTP 587 ──┤ node: submission
            ▼
   1 ACCEPT    worker/intake ── one D1 batch: body, message, deliveries ── 202 / 250
            │
   2 ANNOUNCE  NodeHub (Durable Object) ── wake ──► node      due later, or the hub is away: by Queue
            │
   3 LEASE     worker/node-api/lease ◄── the node asks for as much as it has room for
            │        │ sign with DKIM → MX → SMTP                        (node: outbound)
   4 REPORT    worker/node-api/results ◄── outcome; stale leases are refused
            │        reduceDelivery(…), a pure function
            ▼
        event and delivery in one D1 batch
            │
   5 TELL      Queue (accounts) → WebhookSender (a Durable Object each endpoint) ── signed POST
\`\`\`

- **Truth** is in D1. A message's rows have a home that its id alone tells: the tables of its ISO week (bodies: of
  the day they are first due, or a later one where an account keeps content longer). Retention drops whole tables, which
  writes no rows.
- **Waking** is a hint: a message is durable before, an isolate has one wake under way for all that it accepts
  meanwhile, and what no wake and no pointer tells of is found by the node's own poll and the sweep of each minute.
- **Leases** are fenced: each has an id, which the node made, and a result with an older one is refused. A node that
  starts says hello, which releases the leases of its older boots at once. A lease gives the most urgent class first over
  all weeks, ends what was suppressed meanwhile, and says how far it has looked at the queue, so that no lease reads
  again what is suspended or not wanted. One whose answer was lost is asked for again by its name.
- **What an MX took** is told however late it comes: a node that could not report for longer than its lease answers the
  next lease of that message with what it knows, a late report becomes its event once, and when two nodes may have sent
  it, or one was not heard of again, the timeline says \`maybeAccepted\`.
- **Without a node** the Worker is one itself (\`worker/node-api/carry.ts\`): by order of the queue it leases what its transports
  are to have, hands it to Cloudflare's binding and reports, under the same fence. A run is bounded; whose a message is, is read
  before it is leased.
- **The node's journal** notes \`sending\` before DATA and the outcome after the reply, each on disk before the next
  step. What stays unknown (the connection broke after the final dot) is \`maybeAccepted\`: said in the event, and
  tried again with the same Message-ID.
- **Return** mail comes in by Email Routing (\`email()\`) on \`bounces.<service domain>\` or by the node's port 25, which
  customers' CNAMEs need. The same port receives for domains of customers (\`smtp-node/inbound\`): to disk, judged there, handed over. Both end in \`worker/inbound\`: token, reading, \`reduceReturn(…)\` (a pure function), one batch.
  The listener takes mail only for tokens that verify, says 250 only when the edge has it, and never sends any.
- **Masked aliases** make of each mail a new message (\`worker/inbound/mask.ts\`): \`domain/inbound/masking.ts\` changes header and
  every text of it, and refuses what it cannot read surely. Who wrote is kept by the token of \`reply+<token>@\` (one row each),
  and its Message-ID in the row of the message, so that the answer finds its thread. Other forwards change the header alone: a
  mail of more than 256 KiB is copied from R2 to R2 without being held. One that is masked is held as text, at most three
  times over: \`npm run bench -- forwarding\` shows both beside a mail that is only kept.
- **Webhooks** need no row for each event: an endpoint keeps its place in the account's event cursor, and its sender
  turns what is behind it into deliveries, in the same D1 batch that moves the place. A lost pointer or a killed Worker
  loses nothing: the sweep pokes senders that are behind.
- **Limits** cost a message of a domain being warmed one row, and others none: an account's running number stands in
  the rows of its messages.
- **Statistics** are folded from the event cursor by cron and when they are asked for: every event is read once and
  counted once, and accepting and delivering write nothing for them.
- **Homes**: an account lives in one of several databases. A key names its account's home, a message id has it in a byte, a domain is looked
  up in control, the first home, and remembered by the isolate for a minute: a send asks its home only (\`worker/store/account-homes.ts\`).
  The hub knows which homes may have work; a lease looks at those at once and takes the most urgent over all of them. With one home nothing
  of it is asked.
- **Moving an account** to another home (\`worker/store/moving\`): triggers in the old home note every row of it that is written while it is
  copied, and refuse to write while it is frozen, so that no path of the Worker has to know of it. Each home's own row of the account says
  whether it lives there, and one transaction in the old home is the point of no return. Whoever carries a move on is named in
  both homes, and each of their transactions checks that: two at once, or one that comes late, cannot do harm. Keys and ids go on naming the old
  home; control knows where its accounts have gone.
- **Cron** works in steps (\`worker/cron/jobs.ts\`): each job keeps its place and does a bounded part of its round at a
  tick, so that a minute has at most 400 statements and 400 subrequests whatever the installation holds. Each further
  home ticks by a message of the queue, for itself. With 10,000
  accounts each is counted within two hours, and the warming of each domain is judged within two hours of midnight UTC.
  Nobody asks for the tables of a week that is over for six hours before they are dropped.
- **Retries** come after 1, 5, 15, 30 minutes, 1, 2, 4, 8 hours and then every 8 hours, jittered.
`;
