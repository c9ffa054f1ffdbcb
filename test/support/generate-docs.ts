/**
 * Writes the generated tables of README.md from the catalogues that the code runs on; `--check` fails when they
 * are not up to date.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { type ConfigRow, configCatalogue } from '../../smtp-node/config.ts';
import { counters } from '../../worker/domain/counter.ts';
import { events } from '../../worker/domain/delivery/event.ts';
import { simulatedRecipients } from '../../worker/domain/delivery/simulator.ts';
import {
  type CheckSubject,
  domainTypes,
  needOf,
  recordChecks,
} from '../../worker/domain/dns/record-check.ts';
import { failureClasses } from '../../worker/domain/failure/failure-class.ts';
import { classes } from '../../worker/domain/message/class.ts';
import { mailSettings } from '../../worker/domain/message/mail-settings.ts';
import { problems } from '../../worker/domain/problem.ts';
import { scopes } from '../../worker/domain/scope.ts';
import { workerSettings } from '../../worker/settings.ts';

const path = new URL('../../README.md', import.meta.url).pathname;

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

/** A domain as an example: the values are those that a customer would see. */
const exampleDomain: CheckSubject = {
  name: 'example.com',
  type: 'both',
  token: '…',
  returnPathLabel: 'pp-bounces',
  serviceDomain: '<SERVICE_DOMAIN>',
  reportToken: '…',
  keys: [
    { selector: 'pennypost', algorithm: 'rsa-sha256', publicKey: '…' },
    { selector: 'pennypost-ed', algorithm: 'ed25519-sha256', publicKey: '…' },
  ],
};

const sections: Record<string, string> = {
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
  events: table(
    ['event', '`email.*` type', 'CloudMailin kind', 'raised when', 'details'],
    events.map((e) => [code(e.kind), e.type ? code(e.type) : '', code(e.cloudmailin), e.raised, e.details]),
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

let text = readFileSync(path, 'utf8');
for (const [name, body] of Object.entries(sections)) {
  const marked = new RegExp(`(<!-- generated:${name} -->\n)[\\s\\S]*?(<!-- /generated -->)`);
  if (!marked.test(text)) throw new Error(`README.md has no section generated:${name}`);
  text = text.replace(marked, (_, begin: string, end: string) => `${begin}\n${body}\n\n${end}`);
}
if (process.argv.includes('--check')) {
  if (text !== readFileSync(path, 'utf8')) {
    console.error('README.md is not up to date: run npm run docs');
    process.exit(1);
  }
  console.log('docs: up to date');
} else {
  writeFileSync(path, text);
}
