/** A relay for the time in which the nodes' networks close port 25: asked for by the first deployment, given to the Worker. */
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { direct, isOfWorker, transportPresets } from '#domain/delivery/transport.ts';
import { DeployError } from './cloudflare.ts';
import { askPerson, askSecret } from './session.ts';

export interface RelayFlags {
  /** `cloudflare`, `cloudflare-binding`, `ses` or `HOST[:PORT]`, `--relay`. */
  relay: string | undefined;
  /** `--relay-user`. */
  relayUser: string | undefined;
  yes: boolean;
}

/** The body of `POST /admin/v1/transports`. */
export interface ChosenRelay {
  name: string;
  preset: string;
  host?: string;
  port?: number;
  user?: string;
  secret?: string;
}

/** Who answers. */
export interface Answers {
  isThere: boolean;
  secret: string | undefined;
  ask: typeof askPerson;
  askSecret: typeof askSecret;
}

export const secretVariable = 'PENNYPOST_RELAY_SECRET';

const ofTerminal = (): Answers => ({
  isThere: process.stdin.isTTY === true,
  secret: process.env[secretVariable],
  ask: askPerson,
  askSecret,
});

/**
 * The relay of the flags, or of whom the first deployment asks; null: none. A secret is never a flag, as others see those.
 * @throws DeployError
 */
export async function chooseRelay(
  flags: RelayFlags,
  isFirst: boolean,
  answers: Answers = ofTerminal(),
): Promise<ChosenRelay | null> {
  const { isThere, ask } = answers;
  const asks = isFirst && isThere && !flags.yes;
  const question =
    'A relay for mail while the network of your nodes closes port 25, or while there is no node (cloudflare, ses or HOST:PORT; cloudflare-binding: no node is needed; empty: none)? ';
  const text = flags.relay ?? (asks ? await ask(question, '--relay') : '');
  if (text === '') return null;
  const chosen = readRelay(text);
  const preset = transportPresets.find(({ name }) => name === chosen.preset);
  if (isOfWorker(chosen.preset)) return chosen;
  const mayBeOpen = chosen.preset === 'smtp';
  const user =
    flags.relayUser ??
    preset?.user ??
    (isThere || !mayBeOpen
      ? await ask(`User at ${text}${mayBeOpen ? ' (empty: none)' : ''}? `, '--relay-user USER')
      : '');
  if (user === '') return chosen;
  const secret =
    answers.secret ?? (await answers.askSecret(`Secret of ${user} at ${text}? `, secretVariable));
  if (secret === '') throw new DeployError(`The relay ${text} needs the secret of ${user}: give it.`);
  return { ...chosen, user, secret };
}

function readRelay(text: string): ChosenRelay {
  if (text === 'cloudflare' || text === 'ses' || text === 'cloudflare-binding')
    return { name: text, preset: text };
  const [, host = '', port] =
    /^([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+|localhost)(?::(\d{1,5}))?$/.exec(text) ?? [];
  if (host === '' || Number(port ?? 1) > 65_535 || Number(port ?? 1) < 1)
    throw new DeployError(
      `--relay ${text}: must be cloudflare, cloudflare-binding, ses or HOST:PORT, e.g. smtp.example.com:587.`,
    );
  const isSes = /^email-smtp\.[a-z0-9-]+\.amazonaws\.com$/.test(host);
  return {
    ...(isSes ? { name: 'ses', preset: 'ses' } : { name: 'relay', preset: 'smtp' }),
    host,
    ...(port === undefined ? {} : { port: Number(port) }),
  };
}

/** Where the Worker is. */
export interface RelayTo {
  url: string;
  operatorToken: string | undefined;
  /** Between tries while the Worker's name does not answer yet. */
  pauseMs?: number;
}

const mostTries = 12;
const listed = z.object({ rules: z.array(z.unknown()) });
const refusal = z.object({ detail: z.string() });

/**
 * Adds the relay, with a rule by which mail goes straight and by it where that fails, if there is no rule yet. Gives a sentence: a
 * deployment is good without it.
 */
export async function giveRelay(
  relay: ChosenRelay,
  { url, operatorToken, pauseMs = 2500 }: RelayTo,
): Promise<string> {
  const page = `${url}/operator/transports`;
  if (operatorToken === undefined)
    return `The relay ${relay.name} was not added, as OPERATOR_TOKEN is not known here: add it at ${page}.`;
  const call = async (method: string, path: string, body?: unknown) => {
    const response = await fetch(`${url}/admin/v1/${path}`, {
      method,
      headers: { Authorization: `Bearer ${operatorToken}`, 'Content-Type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(15_000),
    });
    return { status: response.status, body: (await response.json().catch(() => null)) as unknown };
  };
  const why = (of: { status: number; body: unknown }) =>
    refusal.safeParse(of.body).data?.detail ?? `the Worker answered ${of.status}`;
  try {
    // A new name of the Worker takes a while to be known everywhere.
    const before = await until(() => call('GET', 'transports'), pauseMs);
    const rules = listed.safeParse(before.body);
    if (!rules.success) throw new Error(why(before));
    // The version before has no binding, and may answer a little longer.
    const isPassed = ({ status }: { status: number }) => status !== 400 || !isOfWorker(relay.preset);
    const added = await until(() => call('POST', 'transports', relay), pauseMs, isPassed);
    if (added.status !== 201 && added.status !== 409) throw new Error(why(added));
    const isNew = added.status === 201 ? 'was added' : 'is there already, and stays as it is';
    if (rules.data.rules.length > 0)
      return `The relay ${relay.name} ${isNew}; rules are there, and say which mail it gets: ${page}.`;
    const set = await call('PUT', 'transport-rules', { rules: [{ route: [direct, relay.name] }] });
    if (set.status !== 200) throw new Error(why(set));
    const way = isOfWorker(relay.preset)
      ? 'mail leaves by it while no node is here; then straight, and by it where that is closed'
      : 'mail goes straight, and by it where that is closed';
    return `The relay ${relay.name} ${isNew}: ${way} (${page}).`;
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return `The relay ${relay.name} was not added (${text}): add it at ${page}.`;
  }
}

async function until<T extends { status: number }>(
  ask: () => Promise<T>,
  pauseMs: number,
  isGood: (answer: T) => boolean = () => true,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    const answer = await ask().catch((error: unknown) => {
      if (tries === mostTries) throw error;
      return null;
    });
    const isUp = answer !== null && answer.status !== 404 && answer.status < 500 && isGood(answer);
    if (answer && (isUp || tries === mostTries)) return answer;
    await pause(pauseMs);
  }
}
