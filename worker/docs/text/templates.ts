/** Made from worker/docs/templates.md by `npm run docs`; change it there. */
export const text = `# Templates

A template is content that is kept here, with variables: you send its name and values instead of subject and bodies.

\`\`\`sh
curl $API/v1/templates -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' -d '{
  "name": "Receipt", "slug": "receipt",
  "subject": "Your receipt, {{name}}",
  "html_body": "<p>Dear {{name}}, you paid {{total}}.</p>",
  "variables": [{"name": "name"}, {"name": "total", "default": "0.00"}]
}'

curl $API/v1/send -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' -d '{
  "from": "shop@example.com", "to": ["you@example.net"],
  "template": "receipt", "variables": {"name": "Ann", "total": "12.00"}
}'
\`\`\`

- A message names a template by \`template\` or \`template_id\`, either of them its slug or id, and gives no \`html_body\` and
  \`text_body\`. Its own \`subject\`, \`from\` and \`reply_to\` go before those of the template.
- From there it is a message like any other: batches, idempotency keys, \`dry_run\`, limits and tracking work as for inline content.
  \`template: {id, version}\` in \`GET /v1/emails/:id\` and in its events says what it was made of.
- Keys with the scope \`manage\` change templates; any key that sends may send them.

## Language

[Handlebars](https://handlebarsjs.com/guide/), as its own parser reads it:

| written | comes to |
| --- | --- |
| \`{{name}}\`, \`{{user.name}}\`, \`{{list.[0]}}\` | the value; in HTML with \`& < > " ' =\` and backticks escaped |
| \`{{{name}}}\`, \`{{&name}}\` | the value as it is: only for HTML that you made yourself |
| \`{{#if a}}…{{else if b}}…{{else}}…{{/if}}\`, \`{{#unless a}}\` | a part or another; what is missing, empty, 0 or false is false |
| \`{{#each list}}{{@index}} {{this.price}} {{../currency}}{{/each}}\` | the part for each entry; \`@key\`, \`@first\`, \`@last\`, \`as |item i|\` too |
| \`{{#with user}}{{name}}{{/with}}\`, \`{{#items}}…{{/items}}\`, \`{{^items}}…{{/items}}\` | inside of an object; sections as in Mustache |
| \`{{lookup names code}}\` | a member whose name is in another variable |
| \`{{! a note }}\`, \`{{~ name ~}}\` | nothing; without the blanks around it |

Helpers of one's own, partials and decorators are refused when a template is saved, with the line. A variable that is printed or
gone through and is not there is a 400 that names it (\`/variables/user/name\`); null is printed as nothing. A list or
an object that is printed is a 400 too.

\`variables\` declares names with a type (\`string\`, \`number\`, \`boolean\`, \`list\`, \`object\`) and a default. One without a default must be
given; a value of another type is refused. Names that are not declared may be used all the same.

## Text

Where \`text_body\` is null, the text is made of the HTML: links keep their address, lists their marks. Styles stay where
they are: nothing is moved from a \`<style>\` into attributes, so write those inline for the readers that need it.

## Layouts

A layout (\`"type": "layout"\`) has \`{{{@content}}}\` where the content of a template goes, and variables of its own. A template names
it by \`layout\`, and a message may name another. With inline content, \`layout\` puts that into it as it is.

## Versions

New content is a new version, published at once, unless \`publish\` is false: then it is the draft, which the next change replaces.
\`POST /v1/templates/:id/publish\` publishes it, and \`POST …/versions/:version/publish\` goes back to an earlier one. A published
version never changes. The last fifty are kept.

\`POST /v1/templates/:id/render\` shows what a version comes to, and \`POST …/test\` sends it, with “[Test]” before the subject.

## Limits

Subject, HTML and text of a template have at most 1 MiB together, 10,000 tags, and blocks 60 deep. What a message comes
to may take 500,000 steps and 4,194,304 characters; an account may have 1,000 templates. Beyond that a request is a 400 that says which.
`;
