/** Made from worker/docs/clients.md by `npm run docs`; change it there. */
export const text = `# Clients

Besides HTTP and SMTP, and the [clients of other services](moving.md), there are a command line, a server for language models, and
a client with types.

## The command line

In the repository \`npm run --silent cli -- COMMAND\`; with Node.js 22.18 or newer also \`pennypost COMMAND\`, after \`npm link\` there.

\`\`\`sh
pennypost login --url $API          # asks for a key; kept in ~/.config/pennypost/config.json, for your user alone
echo 'Thank you.' | pennypost send --from shop@example.com --to you@example.net --subject 'Your receipt'
# queued 01a1fbb4-…
pennypost why 01a1fbb4-…            # what happened to it, and why it is where it is
pennypost events --follow           # from now on; with --json a line each
pennypost domains add example.com   # tells the records to publish; then: domains verify example.com
pennypost suppressions check you@example.net
pennypost templates create 'Order receipt' --subject 'Order {{number}}' --html-file receipt.html
pennypost templates render order-receipt --variables '{"number": 4711}'
pennypost doctor                    # the key, the domains and the webhooks; the exit code is 1 when something is wrong
\`\`\`

\`pennypost --help\` lists the commands, \`--help\` behind one its options. \`--json\` prints what the API answered. \`PENNYPOST_URL\` and \`PENNYPOST_KEY\` go before what
\`login\` has kept. \`keys list\`, \`keys add\` and \`keys revoke\` take the operator token from \`OPERATOR_TOKEN\`. A node is examined by
\`npm run doctor\` on it, see [Operate](operate.md).

Completion: \`source <(pennypost completion bash)\`, the same with \`zsh\`, or \`pennypost completion fish | source\`.

## Language models

\`npm run --silent mcp\` is a server of the [Model Context Protocol](https://modelcontextprotocol.io) on standard input and output, with
the tools \`send\`, \`find_emails\`, \`explain_email\` and \`domains\`. It writes to the [simulator](sending.md) only, unless it is started with
\`--real-recipients\`. A key with the scopes \`send\` and \`read\`, limited to a domain, is all that it needs. As clients are configured:

\`\`\`json
{
  "mcpServers": {
    "pennypost": {
      "command": "node",
      "args": ["/path/to/pennypost/smtp-node/cli/mcp.ts"],
      "env": { "PENNYPOST_URL": "https://mail.example.com", "PENNYPOST_KEY": "pp_live_…" }
    }
  }
}
\`\`\`

## A typed client

\`$API/openapi.json\` (OpenAPI 3.1) describes every call, with examples, and under \`webhooks\` what is posted to you. Any maker of
clients reads it. With TypeScript 5:

\`\`\`sh
npm install openapi-fetch
npx openapi-typescript $API/openapi.json -o pennypost.d.ts
\`\`\`

\`\`\`ts
import createClient from 'openapi-fetch';
import type { paths, webhooks } from './pennypost.js';

const mail = createClient<paths>({
  baseUrl: process.env.API ?? '',
  headers: { Authorization: \`Bearer \${process.env.KEY}\` },
});

const { data, error } = await mail.POST('/v1/send', {
  body: { from: 'shop@example.com', to: 'you@example.net', subject: 'Your receipt', text_body: 'Thank you.' },
});
if (error) throw new Error(error.detail);
console.log(data);

/** What an endpoint of the format \`event\` gets of a bounce. */
export type Bounce = webhooks['email.bounced']['post']['requestBody']['content']['application/json'];
export const addressOf = (bounce: Bounce): string => bounce.data.to;
\`\`\`
`;
