import { z } from 'zod';
import { publish } from '#domain/dns/finding.ts';
import { hostPart, likelyZone } from '#domain/dns/host-part.ts';
import { Columns } from '../../pages/blocks.tsx';
import { Copy, State, type Tone } from '../../pages/parts.tsx';

/** The records that a domain needs, as tables: those that are enough, then what is better still. */

export const recordSchema = z.object({
  kind: z.string(),
  purpose: z.string(),
  need: z.string(),
  type: z.string(),
  name: z.string(),
  value: z.string(),
  status: z.string().nullable(),
  since: z.string().nullable(),
  observed: z.array(z.string()),
  fix: z.string().nullable(),
});
type Record = z.output<typeof recordSchema>;

const recordTone: Readonly<{ [status: string]: Tone }> = {
  ok: 'good',
  missing: 'wait',
  wrong: 'bad',
  multiple: 'bad',
  lookup_failed: 'warn',
};
const recordWord: Readonly<{ [status: string]: string }> = {
  ok: 'found',
  missing: 'not found yet',
  wrong: 'another value',
  multiple: 'several',
  lookup_failed: 'not answered',
};

interface Group {
  id: string;
  title: string;
  about: string;
  kinds: readonly string[];
}

/** In which order they are told. Of a domain that sends, two are enough: the CNAME carries SPF, and the key proves ownership. */
const sendingGroups: readonly Group[] = [
  {
    id: 'enough',
    title: 'Publish these two to send',
    about:
      'They are enough: the key signs your mail and proves that the domain is yours, the CNAME carries SPF.',
    kinds: ['dkim', 'return_path'],
  },
  {
    id: 'receive',
    title: 'Publish this one to receive',
    about: 'Only once your mail is to come here: it takes mail away from where it goes now.',
    kinds: ['mx'],
  },
  {
    id: 'better',
    title: 'Recommended beside them',
    about: 'What receivers do with mail that only pretends to be yours, and a second, shorter signature.',
    kinds: ['dmarc', 'dkim_ed25519'],
  },
  {
    id: 'links',
    title: 'For links of your own name',
    about:
      'Links in your mail lead to it once there is a certificate for it, which is asked for when the record is found.',
    kinds: ['link_host'],
  },
  {
    id: 'logo',
    title: 'Your logo beside your mail (BIMI)',
    about:
      'Optional. Mailbox providers that show logos ask for DMARC with p=quarantine or p=reject, for a square SVG file (profile Tiny PS) by HTTPS, and most of them for a certificate (VMC or CMC). Name your own files in the value.',
    kinds: ['bimi'],
  },
  {
    id: 'instead',
    title: 'Where the CNAME cannot be published',
    about: 'These two together do in its place; beside it they are not needed.',
    kinds: ['spf', 'ownership'],
  },
];
/** Of one whose keys are published here. */
const delegatedEnough: Pick<Group, 'title' | 'about'> = {
  title: 'Publish these to send',
  about:
    'They are enough: those of DKIM lead to the keys that sign your mail, which proves that the domain is yours; the other carries SPF.',
};
const receivingGroups: readonly Group[] = [
  {
    id: 'enough',
    title: 'Publish these to receive',
    about: 'The first proves that the domain is yours, the second brings its mail here.',
    kinds: ['ownership', 'mx'],
  },
];

/** @param sends whether mail is sent from the domain */
export function Records({ domain, records, sends }: { domain: string; records: Record[]; sends: boolean }) {
  const zone = likelyZone(domain);
  const delegated = records.some(({ kind, type }) => kind === 'dkim' && type === 'CNAME');
  const groups = (sends ? sendingGroups : receivingGroups)
    .map((group) => ({
      ...group,
      ...(sends && group.id === 'enough' && delegated ? delegatedEnough : {}),
      // The order of the group, and of the keys of a rotation the newer one behind.
      own: group.kinds.flatMap((kind) => records.filter((record) => record.kind === kind)),
    }))
    .filter(({ own }) => own.length > 0);
  const told = new Set(groups.flatMap(({ own }) => own));
  const others = records.filter((record) => !told.has(record));
  return (
    <>
      {groups.map((group) => (
        <RecordTable {...group} zone={zone} />
      ))}
      {others.length > 0 && <RecordTable id="others" title="Others" about="" own={others} zone={zone} />}
      <p class="small quiet">
        The short name is without <code>{zone}</code>, which most providers append by themselves; where yours
        does not, enter the whole one.
      </p>
      <Hints zone={zone} />
    </>
  );
}

function RecordTable({
  id,
  title,
  about,
  own,
  zone,
}: {
  id: string;
  title: string;
  about: string;
  own: Record[];
  zone: string;
}) {
  return (
    <section class="stack tight" aria-labelledby={`records-${id}`}>
      <div class="card-head">
        <h3 id={`records-${id}`}>{title}</h3>
        <button type="button" class="small copy" data-copy={`table-${id}`} data-rows="" hidden>
          <span>Copy all</span>
          <span class="visually-hidden"> records: {title}</span>
        </button>
      </div>
      {about !== '' && <p class="small quiet">{about}</p>}
      <table class="plain-table cards records" id={`table-${id}`}>
        <Columns names={['Type', 'Name', 'Value', 'State']} />
        <tbody>
          {own.map((record, i) => (
            <Row record={record} id={`${id}-${i}`} zone={zone} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Row({ record, id, zone }: { record: Record; id: string; zone: string }) {
  const short = hostPart(record.name, zone);
  const { status, observed, fix } = record;
  return (
    <tr data-record={record.kind}>
      <td data-label="Type">
        <code data-field="">{record.type}</code>
      </td>
      <td class="break" data-label="Name">
        <div class="with-copy">
          <code id={`short-${id}`} data-field={short === record.name ? '' : undefined}>
            {short}
          </code>
          <Copy of={`short-${id}`} what={`the short name of ${record.type} ${record.kind}`} />
        </div>
        {short !== record.name && (
          <div class="with-copy small quiet">
            <code id={`name-${id}`} data-field="">
              {record.name}
            </code>
            <Copy of={`name-${id}`} what={`the whole name of ${record.type} ${record.kind}`} />
          </div>
        )}
        <p class="small quiet">{record.purpose}</p>
      </td>
      <td class="break" data-label="Value">
        <div class="with-copy">
          <code id={`value-${id}`} data-field="">
            {record.value}
          </code>
          <Copy of={`value-${id}`} what={`the value of ${record.type} ${record.kind}`} />
        </div>
      </td>
      <td data-label="State" class="found">
        <State tone={status === null ? 'quiet' : (recordTone[status] ?? 'quiet')}>
          {status === null ? 'not looked at' : (recordWord[status] ?? status)}
        </State>
        {status !== 'ok' &&
          observed.map((value) => (
            <p class="small">
              found: <code>{value}</code>
            </p>
          ))}
        {fix && status !== null && !saidByRow(record) && <p class="small">{fix}</p>}
      </td>
    </tr>
  );
}

/** Of a record that is simply not there, the row itself says what to publish. */
function saidByRow({ type, name, value, fix, status }: Record): boolean {
  return status === 'missing' && fix === publish({ type, name, value });
}

/** What the forms of DNS providers do with a name and a value. */
const providers = [
  {
    names: 'Cloudflare',
    hint: 'Takes either name. A CNAME must be “DNS only” (the grey cloud): proxied, it is not there for others.',
  },
  {
    names: 'GoDaddy, Namecheap, IONOS, Squarespace, OVH, DigitalOcean',
    hint: 'Take the short name and append the zone.',
  },
  {
    names: 'Amazon Route 53, Google Cloud DNS',
    hint: 'Take the short name. The value of a TXT stands in quotes, and one of more than 255 characters in several: "first part" "second part".',
  },
  {
    names: 'Hetzner, Gandi, BIND files',
    hint: 'Take the short name, or the whole one with a dot behind it. A TXT stands in quotes.',
  },
] as const;

function Hints({ zone }: { zone: string }) {
  return (
    <details>
      <summary>Where to enter them, by provider</summary>
      <dl class="facts">
        {providers.map(({ names, hint }) => (
          <>
            <dt>{names}</dt>
            <dd>{hint}</dd>
          </>
        ))}
      </dl>
      <p class="small quiet">
        A record that ends up at{' '}
        <code>
          _dmarc.{zone}.{zone}
        </code>{' '}
        was entered whole where the short name was asked for.
      </p>
    </details>
  );
}
