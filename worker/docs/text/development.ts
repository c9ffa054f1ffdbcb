/** Made from worker/docs/development.md by `npm run docs`; change it there. */
export const text = `# Development

\`\`\`sh
npm test
\`\`\`

runs every test. The mail lab (network namespaces with Knot, Postfix, postgrey and independent verifiers) needs
root and the Debian packages of \`test/lab/packages.txt\` (Exim, which Debian does not install beside Postfix, is unpacked by
\`test/lab/unpack-exim.sh\`); without them it says that it is left out and why. The dashboard's pages are driven in Chromium
and its snippets run in PHP, Ruby, Go, Java and Python where these are installed.

## How the code is laid out

\`worker/domain\` is pure, shared by both halves, and grouped by what it is about (\`dns\`, \`message\`, \`delivery\`, \`failure\`,
\`bounce\`, \`inbound\`, \`suppression\`, \`limits\`). The rooms of \`worker/\`, each of which imports only rooms after it:

| room | what it is |
| --- | --- |
| \`index.ts\`, \`routes.ts\` | the doors of the Worker; what answers at which path |
| \`cron\`, \`queue\` | what time and queue messages set going |
| \`tracking\`, \`dialects\`, \`dashboard\`, \`docs\`, \`api\`, \`node-api\` | where links of mails lead; other services' APIs on top of ours; the pages at \`/\`; these guides and the reference; the public API; the private one of nodes |
| \`inbound\`, \`webhook\`, \`received\`, \`system-mail\` | what comes by mail; posting events; received mail taken apart; the installation's own mail |
| \`intake\` | the only way in |
| \`identity\`, \`dns\` | who asks and what they may do; asking DNS |
| \`pages\`, \`http\`, \`hub\`, \`tokens\` | frames and parts of pages; requests, problems; waking nodes; what is signed, hashed or guessed at |
| \`store\` | alone knows drizzle, D1 and R2 |

\`smtp-node/submission\` takes mail, \`smtp-node/outbound\` delivers it, \`smtp-node/signing\` signs, \`smtp-node/cli\` is the command line. \`npm run check\` keeps types,
style, this order of rooms and the tables of the guides (\`npm run docs\` writes them); \`npm run bench\` prints the budgets beside what it measures;
\`npm run test:crash\` kills both halves again and again and counts what arrives; \`npm run test:simulation\` lives through months;
\`npm run test:soak -- --minutes 30\` has a node among twenty dead and five slow domains, and tells how long mail to the others takes. The sections
\`node\`, \`relay\` and \`submit\` of the bench hold the node beside Postfix with OpenDKIM.
\`test/deploy\` runs \`npm run deploy\`, \`backup\` and \`restore\` with the real wrangler against Cloudflare's API as a small server plays it.

## The simulation

\`npm run test:simulation -- --seed N\` runs the real code of the Worker and of a node for 120 virtual days in minutes, on the D1 and R2 of workerd,
under a virtual clock and one source of chance: customers, readers, complaints, and faults at every seam. As it runs and after each quiet night it
checks that every accepted delivery ends in time, that nothing is lost or doubled untold, that nobody suppressed is mailed, that feeds and webhooks
are whole, that statistics are exactly what the timelines add up to, that no invocation passes its limits, that what is old is gone and that the size of the
database is known. A failure names its seed, shows the shortest history that it finds and the command that replays it. \`--runs N\` takes seed after seed and says what all of them came to;
\`--engine quick\` uses SQLite in the same process, several times as quick with the same history; \`--only\` takes operations by number or kind.

\`--prove\` makes known faults (\`test/simulation/breaks.ts\`) again, \`--prove --break N\` one of them, and says which seed catches it. These plans do:

| fault | caught by | with |
| --- | --- | --- |
| \`1\`: feeds ask for purged rows | 4 reads | \`--seed 1 --days 50\` |
| \`2\`: tables go before their last events are folded | 4 reads | \`--seed 1 --days 60 --only send,schedule,lastOpens,check\` |
| \`3\`: a node delivers again what the edge has not heard of | 2 doubled | \`--seed 1 --days 6 --only awayForLong,check\` |
| \`4\`: an idempotency key stays in flight | 4 keys | \`--seed 2 --days 20 --only keyed\` |
| \`5\`: a lease whose answer was lost is forgotten | 1 held | \`--seed 1 --days 25 --only send,batch,edgeFlaky,databaseFaults,check\` |
| \`6\`: what was suppressed meanwhile is sent | 3 suppressed | \`--seed 1 --days 30\` |
| \`7\`: cron folds each account by itself | 7 limits | \`--seed 13 --days 3\` |
| \`8\`: leases look at hundreds of rows | 7 idle | \`--seed 48 --days 4 --only suspend,send,check\` |
| \`9\`: an endpoint that has recovered is disabled | 6 recovered | \`--seed 1 --days 60 --only recovery,check\` |
| \`10\`: a lease gives the newest weeks first | 1 order | \`--seed 5 --days 10 --only lastWeek\` |
| \`11\`: a lease brings all bodies | 7 limits | \`--seed 42 --days 5 --only campaign,check\` |
| \`12\`: a run of a sender does not end | 7 limits | \`--seed 25 --days 2 --only storm\` |
| \`13\`: a DSN is dropped of what was given back | 2 returned | \`--seed 10 --days 20 --only returnedWhileReleased,check\` |
| \`14\`: each retry is a queue message of its own | 7 limits | \`--seed 24 --days 7 --only greylisted\` |
| \`15\`: each recipient that is left out is a statement | 7 limits | \`--seed 10 --days 5 --only suppressedBatch\` |
| \`16\`: a search looks at everything | 7 limits | \`--seed 60 --days 4 --only archive\` |
| \`17\`: a domain goes while its mail waits | 2 unsignable | \`--seed 38 --days 5 --only removeDomain,check\` |
| \`18\`: a node with a wrong token tries for ever | 1 ends | \`--seed 24 --days 3\` |
| \`19\`: leases are judged by the node's clock | 1 given back | \`--seed 7 --days 40 --only moveClock,check\` |
| \`20\`: nobody notes the size of the database | 8 size | \`--seed 1 --days 7 --only check\` |
| \`tables\`: tables are never dropped | 8 tables | \`--seed 1 --days 60 --only send,check\` |
| \`journal\`: a node forgets transactions that it did not see the end of | 1 given back | \`--seed 4 --days 6 --only killedAtTheDot,check\` |
| \`fold\`: two folds of the same events both count | 5 statistics | \`--seed 19 --days 6 --only foldedTwice,check\` |
| \`simulated\`: the simulator counts in statistics | 5 statistics | \`--seed 2 --days 20 --only send,check\` |

Fifty lives (\`--seed 301 --runs 50 --days 4 --engine quick\`, 27 November 2026) came to 452 virtual days, 1,207 operations, 9,340 faults, 9,101 messages
and 14,013 leases; 135 mails were doubled and all of these told; at most 325 D1 statements and 224 subrequests an invocation. Seven of 45 days (\`--seed 401
--runs 7 --days 45\`) came to 350 days, 2,089 operations, 13,372 faults, 6,896 messages, 16,486 leases, 101 doubled and told. What these found, a lease that was
answered twice, a request that took mail after it was given up, an endpoint that was disabled while a good answer was on its way, has tests of its own.

What it leaves to the other tests: workerd's own scheduling, input gates and limits of CPU and memory, real queues, alarms and WebSockets, sockets, TLS and
DKIM; pages of the dashboard, sign-in, mail by Email Routing and SMTP submission (their own tests drive these); isolates whose clocks differ from each other.

## The pages

Pages are rendered by the Worker (\`worker/pages\` has their frame and parts, \`worker/dashboard\` what is on them) and are whole without a
script. A form is \`Fields\` with what stands in it; its action refuses by throwing a problem, and the page is shown again with what was
typed and each fault at its field: nothing else is to be written for that. \`test/worker/dashboard-refusals.test.ts\` walks all forms and
fails for one that it does not know. \`test/e2e/pages.test.ts\` fills an installation, opens every page that the table of access has at
360, 768, 1280 and 1920 px, light and dark, and keeps the pictures in \`test/artifacts/pages\`: look at them after a change.

What Postmark and Resend document of the same pages, and what is here (November 2026):

| page | theirs | here | left out, and why |
| --- | --- | --- | --- |
| overview | Postmark: sent, bounce and complaint rates of a stream, newest activity. Resend: the list of emails is the start | figures and a picture of 24 hours to 30 days, sender health with its reasons, newest messages, queues, nodes, first steps | |
| message | both: HTML, text, source, events, a search over the time kept. Postmark: the day when it is deleted, reactivating an address. Resend: insights on the content, a link to share | the same but for sharing; what happens next in words, the phone's and the dark view, parts with download, the request log, the mail that came back beside what was read in it | a public link to a mail: its content is other people's |
| domain | Postmark: DKIM and return path, found or not. Resend: records as a table with a state each, region, switches of tracking and TLS | records as a table with what was found and the fix, hints by DNS provider, a zone file, rotation, warming, DMARC and TLS reports | a region: it is where you deploy it; tracking is of the account or a message |
| statistics | Postmark: by day, tag and stream, bounces by kind, unique opens, mail programs and reading time. Resend: rates by domain with the marks of the large receivers | by day, domain, tag, class, recipient provider and reason, the picture for each of their values, CSV; rates beside what is good | unique opens, mail programs, reading time: pictures are fetched by machines, so that they tell less every year |
`;
