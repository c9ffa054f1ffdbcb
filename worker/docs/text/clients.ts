/** Made from worker/docs/clients.md by `npm run docs`; change it there. */
export const text = `# Clients

Besides HTTP and SMTP, and the [clients of other services](moving.md), there is a client with types.

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
