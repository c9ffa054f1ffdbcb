import { z } from 'zod';
import { domainTypes } from '#domain/dns/record-check.ts';
import { type Command, text } from '../command.ts';
import { Fault } from '../fault.ts';
import { contentOf } from '../files.ts';
import { plain, table } from '../print.ts';

const summary = z.looseObject({
  domain: z.string(),
  type: z.string(),
  status: z.string(),
  reason: z.string().nullable(),
});
const linkHost = z.looseObject({ name: z.string(), state: z.string(), fault: z.string().nullable() });
export const domains = z.looseObject({ data: z.array(summary), has_more: z.boolean() });
export const domain = summary.extend({
  link_host: linkHost.nullish(),
  records: z.array(
    z.looseObject({
      kind: z.string(),
      need: z.string(),
      type: z.string(),
      name: z.string(),
      value: z.string(),
      status: z.string().nullable(),
      fix: z.string().nullable(),
    }),
  ),
});

const keys = z.looseObject({
  data: z.array(
    z.looseObject({
      selector: z.string(),
      algorithm: z.string(),
      status: z.string(),
      record: z.looseObject({ type: z.string(), name: z.string(), value: z.string() }),
      record_status: z.string().nullish(),
    }),
  ),
});

/** A domain with its records, and what is to be done. */
function told(found: z.output<typeof domain>) {
  const rows = found.records.map((one) => [
    one.kind,
    one.need,
    one.status ?? '?',
    one.type,
    one.name,
    one.value,
  ]);
  const fixes = found.records.flatMap(({ kind, fix }) => (fix === null ? [] : [plain(`${kind}: ${fix}`)]));
  const head = plain(`${found.domain}  ${found.status}${found.reason === null ? '' : `  ${found.reason}`}`);
  const { link_host: host } = found;
  const links = host ? [plain(`links: ${host.name}  ${host.state}  ${host.fault ?? ''}`.trimEnd())] : [];
  const records = table(['record', 'need', 'found', 'type', 'name', 'value'], rows);
  const advice = fixes.length > 0 ? [fixes.join('\n')] : [];
  return { json: found, text: [head, records, ...links, ...advice].join('\n\n') };
}

function nameOf(args: readonly string[], command: string): string {
  const [name] = args;
  if (name === undefined) throw new Fault(`${command} needs the name of a domain`);
  return name;
}

export const domainCommands: readonly Command[] = [
  {
    name: 'domains',
    about: 'lists the domains of the account',
    async run({ api }) {
      const answer = await (await api()).ask('GET', '/v1/domains', domains);
      const rows = answer.data.map((one) => [one.domain, one.type, one.status, one.reason ?? '']);
      return { json: answer, text: table(['domain', 'type', 'status', 'reason'], rows) };
    },
  },
  {
    name: 'domains add',
    args: 'DOMAIN',
    about: 'adds a domain and tells the records to publish',
    options: {
      type: { type: 'string', value: domainTypes.join('|'), about: 'what it is for' },
      delegate: {
        type: 'boolean',
        about: 'the service publishes its DKIM keys: two CNAMEs instead of TXT, and none to renew',
      },
    },
    async run({ args, values, api }) {
      const type = text(values, 'type');
      const body = {
        domain: nameOf(args, 'domains add'),
        ...(type === undefined ? {} : { type }),
        ...(values.delegate ? { dkim_delegated: true } : {}),
      };
      return told(await (await api()).ask('POST', '/v1/domains', domain, body));
    },
  },
  {
    name: 'domains show',
    args: 'DOMAIN',
    about: 'tells its records and what was found of them',
    async run({ args, api }) {
      const path = `/v1/domains/${encodeURIComponent(nameOf(args, 'domains show'))}`;
      return told(await (await api()).ask('GET', path, domain));
    },
  },
  {
    name: 'domains verify',
    args: 'DOMAIN',
    about: 'looks at its records now; the exit code is 1 while it may not send or receive',
    async run({ args, api }) {
      const path = `/v1/domains/${encodeURIComponent(nameOf(args, 'domains verify'))}/verify`;
      const found = await (await api()).ask('POST', path, domain);
      return { ...told(found), failed: found.status !== 'verified' };
    },
  },
  {
    name: 'domains links',
    args: 'DOMAIN',
    about:
      'lets links in its mail lead to a host of its own; without an option, tells that and its certificate',
    options: {
      label: {
        type: 'string',
        value: 'LABEL',
        about: 'the host is LABEL.DOMAIN; "none": the name of the service',
      },
    },
    async run({ args, values, api }) {
      const path = `/v1/domains/${encodeURIComponent(nameOf(args, 'domains links'))}`;
      const label = text(values, 'label');
      const found =
        label === undefined
          ? await (await api()).ask('GET', path, domain)
          : await (await api()).ask('PATCH', path, domain, { link_label: label === 'none' ? null : label });
      return told(found);
    },
  },
  {
    name: 'domains dkim',
    args: 'DOMAIN',
    about: 'lists its DKIM keys; with an option, changes whose they are or imports one first',
    options: {
      'key-file': { type: 'string', value: 'FILE', about: 'a private key as PEM, without a passphrase' },
      selector: { type: 'string', value: 'NAME', about: 'what that key is published under' },
      delegate: {
        type: 'string',
        value: 'yes|no',
        about: 'whether the service publishes its keys, behind two CNAMEs of the domain',
      },
    },
    async run({ args, values, api }) {
      const place = `/v1/domains/${encodeURIComponent(nameOf(args, 'domains dkim'))}`;
      const path = `${place}/dkim`;
      const [file, selector] = [text(values, 'key-file'), text(values, 'selector')];
      if ((file === undefined) !== (selector === undefined))
        throw new Fault('--key-file and --selector belong together');
      const delegate = text(values, 'delegate');
      if (delegate !== undefined) {
        if (delegate !== 'yes' && delegate !== 'no') throw new Fault('--delegate must be yes or no');
        if (file !== undefined) throw new Fault('--delegate and --key-file exclude each other');
        await (await api()).ask('PATCH', place, domain, { dkim_delegated: delegate === 'yes' });
      }
      const found =
        file === undefined
          ? await (await api()).ask('GET', path, keys)
          : await (await api()).ask('POST', path, keys, {
              selector,
              private_key: await contentOf(file, 'utf8'),
            });
      const rows = found.data.map(({ selector, algorithm, status, record, record_status }) => [
        selector,
        algorithm,
        status,
        record.name,
        record.type,
        record.value,
        record_status ?? '?',
      ]);
      const head = ['selector', 'algorithm', 'status', 'name', 'type', 'value', 'found'];
      return { json: found, text: table(head, rows) };
    },
  },
  {
    name: 'domains remove',
    args: 'DOMAIN',
    about: 'removes a domain',
    async run({ args, api }) {
      const name = nameOf(args, 'domains remove');
      await (await api()).ask('DELETE', `/v1/domains/${encodeURIComponent(name)}`, z.unknown());
      return { json: { removed: name }, text: 'removed' };
    },
  },
];
