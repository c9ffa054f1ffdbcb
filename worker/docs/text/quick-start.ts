/** Made from worker/docs/quick-start.md by `npm run docs`; change it there. */
export const text = `# Quick start

From nothing to a delivered test message on your own machine. It needs no domain, no account anywhere and no root: all mail
ends in a list on your machine.

## 1. Run it

Needs Node.js 20 or newer with npm, on Linux or macOS (the right Node for the tool chain is installed beside it). In a clone of
the repository:

\`\`\`sh
npm ci
npm start
\`\`\`

It prints where everything is, with a curl and a swaks line that work when pasted. The same facts are in
\`.pennypost/dev.json\`, for scripts. It runs until you press Ctrl-C; what it keeps is in \`.pennypost\`.

\`npm start -- --help\` tells the options: other ports (0 means any free one), another folder, and \`--deliver\`, which sends to
the real mail hosts of the recipients instead of the list.

## 2. Send

In another terminal, with the key that was printed:

\`\`\`sh
KEY=pp_live_…
curl http://127.0.0.1:8787/v1/send -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' -d '{
  "from": "Shop <shop@demo.pennypost.test>", "to": "you@example.net", "subject": "Your receipt", "text_body": "Thank you."
}'
# 202 {"message_id":"01a1fbb4-…","status":"queued"}
\`\`\`

Or by SMTP, with any client: host \`127.0.0.1\`, port 2525, STARTTLS, user \`pennypost\`, the key as the password.

## 3. Look

\`http://127.0.0.1:8025\`, in a browser, lists what arrived while you look: each mail as HTML, as text and as its source, with its
attachments. Programs get the list as JSON there, and one mail raw at \`/<id>\`. What happened to the message on its way is told by

\`\`\`sh
curl http://127.0.0.1:8787/v1/emails/01a1fbb4-…/events -H "Authorization: Bearer $KEY"
\`\`\`

and by the dashboard at \`http://localhost:8787\`. The first visit asks for the set-up code that \`npm start\` printed, and makes
you its operator and owner.

## 4. Go on

- [Sending](sending.md): everything a message can have, by API and SMTP.
- [Webhooks](webhooks.md): be told what happens. [Receiving](receiving.md): get mail.
- [Deploy](deploy.md): put it on the internet, on a domain of yours. [Domains and DNS](domains.md): the records that it needs.
`;
