/**
 * Writes the generated tables of the guides (worker/docs) from the catalogues that the code runs on, and the guides as
 * modules (worker/docs/text) for the Worker, which shows them; `--check` fails when they are not up to date.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type ConfigRow, configCatalogue } from '../../smtp-node/config/catalogue.ts';
import { counters } from '../../worker/domain/counter.ts';
import { events } from '../../worker/domain/delivery/event.ts';
import { simulatedRecipients } from '../../worker/domain/delivery/simulator.ts';
import {
  type CheckSubject,
  domainTypes,
  needOf,
  recordChecks,
} from '../../worker/domain/dns/record-check.ts';
import { sampleEvent } from '../../worker/domain/event-formats/sample.ts';
import { failureClasses } from '../../worker/domain/failure/failure-class.ts';
import { classes } from '../../worker/domain/message/class.ts';
import { mailSettings } from '../../worker/domain/message/mail-settings.ts';
import { limits } from '../../worker/domain/message/submission.ts';
import { problems } from '../../worker/domain/problem.ts';
import { scopes } from '../../worker/domain/scope.ts';
import { subscriptionChange, suppressionEvents } from '../../worker/domain/suppression/suppression-event.ts';
import { webhookBodies } from '../../worker/domain/webhook.ts';
import { workerSettings } from '../../worker/settings.ts';
import { capacityTable, type MeasuredUse, monthTable, type Table } from '../bench/model.ts';

/** The API's operations, as far as they are told here. Not by name: the Worker's types are not those of Node. */
interface Told {
  groups: readonly {
    name: string;
    operations: readonly { method: string; path: string; summary: string; query?: { shape: object } }[];
  }[];
}
const { groups }: Told = await import(new URL('../../worker/api/operations.ts', import.meta.url).href);

const folder = new URL('../../worker/docs/', import.meta.url).pathname;

function table(head: string[], rows: (string | number)[][]): string {
  const line = (cells: (string | number)[]) =>
    `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

const code = (text: string) => `\`${text}\``;

/** `required: outbound, both`, and the like. */
function neededFor(check: Parameters<typeof needOf>[0]): string {
  const needs = Map.groupBy(domainTypes, (type) => needOf(check, type));
  return (['required', 'recommended', 'optional'] as const)
    .flatMap((need) => (needs.has(need) ? [`${need}: ${needs.get(need)?.join(', ')}`] : []))
    .join('; ');
}

/** `GET /v1/emails?limit&cursor` and what it does. */
function toldCall(one: Told['groups'][number]['operations'][number]): string[] {
  const query = Object.keys(one.query?.shape ?? {}).join('&');
  return [code(`${one.method.toUpperCase()} ${one.path}${query && `?${query}`}`), one.summary];
}

/** A domain as an example: the values are those that a customer would see. */
const exampleDomain: CheckSubject = {
  name: 'example.com',
  type: 'both',
  token: '…',
  returnPathLabel: 'pp-bounces',
  linkLabel: 'links',
  serviceDomain: '<SERVICE_DOMAIN>',
  reportToken: '…',
  keys: [
    { selector: 'pennypost', algorithm: 'rsa-sha256', publicKey: '…' },
    { selector: 'pennypost-ed', algorithm: 'ed25519-sha256', publicKey: '…' },
  ],
};

/** What an endpoint gets, made by what posts it. */
const payload = webhookBodies('event', [sampleEvent('bounced')])[0];

const { format: count } = new Intl.NumberFormat('en');

/** What the bench has measured (`npm run bench -- capacity --keep`). */
const measured = JSON.parse(
  readFileSync(new URL('../bench/measured.json', import.meta.url), 'utf8'),
) as MeasuredUse;
const tableOf = ({ head, rows }: Table) => table(head, rows);

const sections: Record<string, string> = {
  months: tableOf(monthTable(measured)),
  capacity: tableOf(capacityTable(measured)),
  'message-limits': table(
    ['of a message', 'at most'],
    [
      ['size as sent, attachments in base64', `${limits.messageBytes / 1024 / 1024} MiB`],
      ['recipients (to, cc and bcc together)', limits.recipients],
      ['attachments', limits.attachments],
      ['subject', `${count(limits.subjectCharacters)} characters`],
      ['`headers`', `${limits.headers}, each value ${count(limits.headerValueCharacters)} characters`],
      ['`markdown`', `${count(limits.markdownCharacters)} characters`],
      ['`tags`', `${limits.tags} of ${limits.tagCharacters} characters`],
      [
        '`metadata`',
        `${limits.metadataKeys} keys of ${limits.metadataKeyCharacters} characters, values of ${count(limits.metadataValueCharacters)}`,
      ],
      ['`send_at`', `${limits.scheduleDays} days ahead`],
      [
        '`Idempotency-Key`',
        `${limits.idempotencyKeyCharacters} characters, kept ${limits.idempotencyHours} hours`,
      ],
      ['messages of one batch', limits.batch],
    ],
  ),
  'webhook-payload': `\`\`\`json\n${JSON.stringify(JSON.parse(payload?.text ?? ''), null, 2)}\n\`\`\``,
  'record-checks': table(
    ['record', 'type', 'name', 'value', 'purpose', 'needed for'],
    recordChecks.flatMap((check) =>
      check
        .records(exampleDomain)
        .map(({ type, name, value }) => [
          code(check.kind),
          type,
          code(name),
          code(value),
          check.purpose,
          neededFor(check),
        ]),
    ),
  ),
  calls: groups
    .map(
      ({ name, operations }) => `### ${name}\n\n${table(['call', 'what it does'], operations.map(toldCall))}`,
    )
    .join('\n\n'),
  events: table(
    ['event', '`email.*` type', 'CloudMailin kind', 'Resend', 'Postmark', 'raised when', 'details'],
    events.map((e) => [
      code(e.kind),
      ...[e.type, e.cloudmailin, e.resend, e.postmark].map((name) => (name ? code(name) : '')),
      e.raised,
      e.details,
    ]),
  ),
  'suppression-events': table(
    ['type', 'CloudMailin kind', 'Resend', 'Postmark', 'raised when'],
    suppressionEvents.map((e) => [
      code(e.type),
      code(e.kind),
      code(e.type),
      code(`${subscriptionChange}, SuppressSending: ${e.kind === 'suppression_added'}`),
      e.raised,
    ]),
  ),
  problems: table(
    ['status', '`code`', 'title', 'SMTP reply'],
    problems.map((p) => [p.status, code(p.code), p.title, p.smtp]),
  ),
  classes: table(
    ['class', 'tried for', "share of a node's slots and of each MX's connections", 'meaning'],
    classes.map((c) => [code(c.name), `${c.retryForMs / 3_600_000} h`, `${c.share * 100} %`, c.about]),
  ),
  scopes: table(
    ['scope', 'allows to'],
    scopes.map((s) => [code(s.name), s.about]),
  ),
  'mail-settings': table(
    ['setting', 'default', 'what it does'],
    mailSettings.map((s) => [code(s.name), code(String(s.default)), s.about]),
  ),
  'failure-classes': table(
    ['class', 'about', 'meaning'],
    failureClasses.map((c) => [code(c.name), c.about, c.text]),
  ),
  counters: table(
    ['counter', 'counts'],
    counters.map((c) => [code(c.name), c.about]),
  ),
  simulator: table(
    ['recipient', 'what happens'],
    simulatedRecipients.map((r) => [code(`${r.name}@`), r.about]),
  ),
  'worker-settings': table(
    ['setting', 'kind', 'meaning'],
    workerSettings.map((s) => [code(s.key), s.secret ? 'secret' : 'variable', s.about]),
  ),
  'node-settings': table(
    ['setting', 'default', 'meaning'],
    (configCatalogue as readonly ConfigRow[]).map((s) => [
      code(s.key),
      s.default === undefined ? 'required' : s.default === '' ? 'none' : code(s.default),
      s.about,
    ]),
  ),
};

/** A line of it is a line of the guide, so that changes of several people join as they do there. */
function moduleOf(file: string, text: string): string {
  const literal = text.replace(/[\\`]|\$(?=\{)/g, '\\$&');
  return `/** Made from worker/docs/${file} by \`npm run docs\`; change it there. */\nexport const text = \`${literal}\`;\n`;
}

function keep(file: string, before: string, after: string): void {
  if (after === before) return;
  if (check) stale.push(`worker/docs/${file}`);
  else writeFileSync(folder + file, after);
}

const check = process.argv.includes('--check');
const places = new Map(Object.keys(sections).map((name) => [name, [] as string[]]));
const stale: string[] = [];
for (const file of readdirSync(folder).filter((name) => name.endsWith('.md'))) {
  const before = readFileSync(folder + file, 'utf8');
  const after = before.replace(
    /(<!-- generated:([\w-]+) -->\n)[\s\S]*?(<!-- \/generated -->)/g,
    (_, begin: string, name: string, end: string) => {
      const body = sections[name];
      if (body === undefined) throw new Error(`worker/docs/${file}: nothing makes generated:${name}`);
      places.get(name)?.push(file);
      return `${begin}\n${body}\n\n${end}`;
    },
  );
  keep(file, before, after);
  const module = `text/${file.replace(/\.md$/, '.ts')}`;
  keep(
    module,
    existsSync(folder + module) ? readFileSync(folder + module, 'utf8') : '',
    moduleOf(file, after),
  );
}
for (const file of readdirSync(`${folder}text`)) {
  if (!existsSync(folder + file.replace(/\.ts$/, '.md')))
    throw new Error(`worker/docs/text/${file} is of no guide: delete it`);
}
for (const [name, files] of places) {
  if (files.length !== 1)
    throw new Error(`generated:${name} must be in one guide: ${files.join(', ') || 'none has it'}`);
}
if (stale.length > 0) {
  console.error(`Not up to date: ${stale.join(', ')}. Run npm run docs.`);
  process.exit(1);
}
if (check) console.log('docs: up to date');
