/** The Worker's variables: those that it has stay, unless a flag says otherwise. */
import { domainFault } from '#domain/message/address.ts';
import { newestRows, writableRows, writtenRows } from '#domain/message/row-form.ts';
import { workerSettings } from '../../../worker/settings.ts';
import { DeployError } from './cloudflare.ts';
import type { Installation } from './installation.ts';
import { askPerson, keepText, keptText } from './session.ts';

export interface VariableFlags {
  serviceDomain: string | undefined;
  publicUrl: string | undefined;
  /** Custom domains, `--domain`. */
  domains: readonly string[];
  /** `NAME=text`, `--var`. */
  vars: readonly string[];
  yes: boolean;
}

/** What wrangler.toml has in the place of a service domain. */
const placeholder = 'mail.example.org';

const variables = workerSettings.filter(({ secret }) => !secret);

/** The variables of the version that is deployed, by name. @throws DeployError for one that is not valid */
export async function chooseVariables(
  installation: Installation,
  workersDevUrl: string | null,
  flags: VariableFlags,
): Promise<Record<string, string>> {
  const given = Object.fromEntries(flags.vars.map(readVar));
  const chosen: Record<string, string> = {};
  for (const { key } of variables) {
    const text = given[key] ?? installation.vars[key];
    if (text !== undefined) chosen[key] = text;
  }
  chosen.WRITES_ROWS = formOfRows(installation, given.WRITES_ROWS);
  chosen.SERVICE_DOMAIN = await serviceDomain(given.SERVICE_DOMAIN, installation, flags);
  chosen.PUBLIC_URL = await publicUrl(given.PUBLIC_URL, installation, workersDevUrl, flags);
  for (const { key, schema } of variables) {
    const read = schema.safeParse(chosen[key]);
    if (!read.success)
      throw new DeployError(
        `The variable ${key} ${read.error.issues[0]?.message ?? 'is not valid'}: give another by --var ${key}=….`,
      );
  }
  await keepText('service-domain', chosen.SERVICE_DOMAIN);
  await keepText('public-url', chosen.PUBLIC_URL);
  return chosen;
}

/** @throws DeployError where an installation with these variables may have rows that this version cannot read */
export function requireReadable({ WRITES_ROWS }: Readonly<Record<string, string>>): void {
  const written = writtenRows(WRITES_ROWS);
  if (written > newestRows)
    throw new DeployError(
      `This version cannot read the mail of the installation, which has rows of form ${written} where this version reads up to ${newestRows}: take a newer version (git pull && npm ci).`,
    );
}

/**
 * What the version before can read, so that one can go back to it; never less than what is written already. A new
 * installation has no version before it.
 * @throws DeployError also where there may be rows that this version cannot read
 */
function formOfRows({ isThere, vars, versionBindings }: Installation, given: string | undefined): string {
  requireReadable(vars);
  const written = writtenRows(vars.WRITES_ROWS);
  if (given !== undefined && writtenRows(given) < written)
    throw new DeployError(`The variable WRITES_ROWS cannot be less than ${written}: such rows are there.`);
  const next = isThere ? Math.max(written, writableRows(versionBindings)) : newestRows;
  return given ?? String(next);
}

function readVar(text: string): [name: string, value: string] {
  const at = text.indexOf('=');
  const name = at < 0 ? text : text.slice(0, at);
  if (at < 0 || !variables.some(({ key }) => key === name))
    throw new DeployError(
      `--var ${text}: must be NAME=text with one of the names ${variables.map(({ key }) => key).join(', ')}.`,
    );
  return [name, text.slice(at + 1)];
}

async function serviceDomain(
  given: string | undefined,
  { vars }: Installation,
  flags: VariableFlags,
): Promise<string> {
  const there = vars.SERVICE_DOMAIN === placeholder ? undefined : vars.SERVICE_DOMAIN;
  const domain =
    flags.serviceDomain ??
    given ??
    there ??
    (await keptText('service-domain')) ??
    (await askPerson('Service domain (e.g. mail.example.org)? ', '--service-domain DOMAIN'));
  const fault = domainFault(domain);
  if (fault)
    throw new DeployError(`The service domain ${domain} ${fault}: give another by --service-domain.`);
  return domain;
}

/** Where the dashboard is reached: as it is; else at the custom domain, else where the person says, else on workers.dev. */
async function publicUrl(
  given: string | undefined,
  installation: Installation,
  workersDevUrl: string | null,
  flags: VariableFlags,
): Promise<string> {
  const custom = flags.domains[0] ?? installation.customDomains[0];
  const text =
    flags.publicUrl ??
    given ??
    (flags.domains[0] === undefined ? undefined : `https://${flags.domains[0]}`) ??
    (installation.vars.PUBLIC_URL || undefined) ??
    (await keptText('public-url')) ??
    (custom === undefined ? undefined : `https://${custom}`) ??
    (flags.yes
      ? 'workers.dev'
      : await askPerson(
          'Address of the dashboard (e.g. https://mail.example.org; empty: on workers.dev)? ',
          '--public-url URL (or workers.dev)',
        ));
  if (text !== '' && text !== 'workers.dev') {
    const url = URL.canParse(text) ? new URL(text) : null;
    if (url?.protocol !== 'https:' || url.pathname !== '/' || url.search + url.hash !== '')
      throw new DeployError(`The address of the dashboard, ${text}, must be an https URL without a path.`);
    return url.origin;
  }
  if (workersDevUrl === null)
    throw new DeployError(
      'This account has no workers.dev name yet: choose one at https://dash.cloudflare.com/?to=/:account/workers-and-pages, or give --domain HOST.',
    );
  return workersDevUrl;
}
