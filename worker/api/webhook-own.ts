import { z } from '@hono/zod-openapi';
import { streamName } from '#domain/message/stream.ts';
import { tag } from '#domain/message/submission.ts';
import { webhookLimits } from '#domain/webhook.ts';
import { type Call, invalidBody } from '../http/app.ts';
import { domainName } from '../intake/domain-name.ts';
import type { Endpoint } from '../store/webhook-endpoints.ts';
import { openOwnFields, sealOwnFields } from '../webhook/secrets.ts';

/** What an endpoint's owner wants sent along, and of which mail it hears. */

/** What we, the runtime or HTTP itself write (RFC 9110 §7.2, §7.6.1). */
const notOwn =
  /^(?:host|connection|keep-alive|te|trailer|transfer-encoding|upgrade|expect|content-.*|user-agent|cookie|proxy-.*|cf-.*|webhook-.*|svix-.*|x-postscale-.*)$/i;

const value = z
  .string()
  .max(webhookLimits.headerCharacters)
  .regex(/^[\x20-\x7e]*$/, 'must be printable ASCII');
const headers = z
  .record(
    z
      .string()
      .max(127)
      .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'must be the name of a header field (RFC 9110 §5.1)')
      .refine((name) => !notOwn.test(name), 'is a header field that is written by us or by HTTP itself'),
    value,
  )
  .refine(
    (fields) => Object.keys(fields).length <= webhookLimits.headers,
    `must have at most ${webhookLimits.headers} fields`,
  );
const filter = <T extends z.ZodType>(one: T) => z.array(one).min(1).max(webhookLimits.filters);

export const own = {
  headers: headers.nullable().meta({
    description: 'Header fields of your own; the values are kept encrypted and not told again. null: none.',
  }),
  username: value
    .regex(/^[^:]+$/, 'must not be empty or have a colon (RFC 7617 §2)')
    .nullable()
    .meta({ description: 'With `password`: sent as `Authorization: Basic` (RFC 7617). null: none.' }),
  password: value.nullable().meta({ description: 'Kept encrypted and not told again.' }),
  sending_domains: filter(domainName)
    .nullable()
    .meta({ description: 'Of sent mail: hears of what these domains have signed; null: of all.' }),
  tags: filter(tag)
    .nullable()
    .meta({ description: 'Of sent mail: hears of what has one of these tags; null: of all.' }),
  streams: filter(streamName)
    .nullable()
    .meta({ description: 'Of sent mail: hears of what is of these streams; null: of all.' }),
};
type Own = { [K in keyof typeof own]?: z.output<(typeof own)[K]> | undefined };

/**
 * The columns of what a body says; what it does not say stays.
 * @throws Problem when there is a password without a user, or a user beside a field of his own
 */
export async function ownOf(c: Call, body: Own, of: Pick<Endpoint, 'publicId'>, before: Endpoint | null) {
  const { encryptionKeys } = c.get('env');
  const kept = before ? await openOwnFields(before, { encryptionKeys }) : { headers: {}, password: null };
  const username = body.username === undefined ? (before?.username ?? null) : body.username;
  const fields = body.headers === undefined ? kept.headers : (body.headers ?? {});
  const given = body.password === undefined ? kept.password : body.password;
  const password = body.username === null && body.password === undefined ? null : given;
  if ((username === null) !== (password === null)) {
    const path = [username === null ? 'username' : 'password'];
    throw invalidBody([{ path, message: 'is missing: user and password belong together' }]);
  }
  if (username !== null && Object.keys(fields).some((name) => name.toLowerCase() === 'authorization')) {
    throw invalidBody([
      { path: ['headers', 'Authorization'], message: 'is what username and password make' },
    ]);
  }
  const sealed = await sealOwnFields(
    { publicId: of.publicId, username, own: { headers: fields, password } },
    { encryptionKeys },
  );
  return {
    ...sealed,
    ...(body.sending_domains === undefined ? {} : { sendingDomains: body.sending_domains }),
    ...(body.tags === undefined ? {} : { tags: body.tags }),
    ...(body.streams === undefined ? {} : { streams: body.streams }),
  };
}
