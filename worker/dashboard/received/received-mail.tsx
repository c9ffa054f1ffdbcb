import { z } from 'zod';
import { isUuidV7 } from '#domain/message/ids.ts';
import { Problem } from '#domain/problem.ts';
import { inboundEmailAnswer } from '../../api/answers/receiving.ts';
import { askApi, callApi } from '../../api/own-api.ts';
import type { Call } from '../../http/app.ts';
import { may } from '../../identity/viewer.ts';
import { html } from '../../pages/answer.tsx';
import { Card, Columns } from '../../pages/blocks.tsx';
import { Post } from '../../pages/forms.tsx';
import { Page } from '../../pages/layout.tsx';
import { bytes, Code, Head, State, Time, type Tone } from '../../pages/parts.tsx';
import { Board } from '../board.tsx';
import { mailFrame } from '../mail-frame.ts';
import { receivedTone } from './received.tsx';

/** One received mail: what it says, what was found out about it, why it was routed so, and telling of it again. */
export const receivedMailPages = new Board();

export type Email = z.output<typeof inboundEmailAnswer>['email'];

const verdictTone: Record<string, Tone> = {
  pass: 'good',
  fail: 'bad',
  softfail: 'warn',
  permerror: 'bad',
  temperror: 'warn',
  policy: 'warn',
  // What rspamd would do with it.
  'no action': 'good',
  greylist: 'warn',
  'add header': 'warn',
  'rewrite subject': 'warn',
  'soft reject': 'warn',
  reject: 'bad',
};
/** What was done with it, in words. */
const actionAbout: Record<Email['routed']['action'], string> = {
  webhook: 'told to webhook endpoints',
  forward: 'sent on',
  answer: 'sent as an answer from the alias',
  drop: 'dropped: kept here, and nobody is told',
  keep: 'kept here',
};

/** Its path in the API; 404 for what is no id. */
export function pathOf(c: Call): string {
  const id = (c.req.param('id') ?? '').toLowerCase();
  if (!isUuidV7(id)) throw new Problem('not_found', 'There is no such received mail in this account.');
  return `/inbound-emails/${id}`;
}

receivedMailPages.page('/received/:id', async (c, viewer) => {
  const path = pathOf(c);
  const { email } = await callApi(c, viewer.account.accountId, { method: 'GET', path }, inboundEmailAnswer);
  const at = `/received/${email.id}`;
  return html(
    c,
    <Page title={email.subject || 'Received mail'} viewer={viewer} url={c.req.url}>
      <Head title={email.subject || '(no subject)'} crumb={{ href: '/received', text: 'Received' }}>
        <div class="row">
          <State tone={receivedTone[email.status] ?? 'quiet'}>{email.status}</State>
          {may(viewer, 'developer') && email.headers && (
            <a class="button" href={`${at}/reply`}>
              Reply
            </a>
          )}
          {may(viewer, 'developer') && email.headers && (
            <Post action={`${at}/replay`} label="Tell again" tone="primary" small={false} />
          )}
        </div>
      </Head>
      <Card id="facts" title="What came">
        <dl class="facts">
          <dt>From</dt>
          <dd class="break">{email.from_address || '(no From)'}</dd>
          <dt>To</dt>
          <dd class="break">{email.to.join(', ')}</dd>
          <dt>Received</dt>
          <dd>
            <Time ms={Date.parse(email.received_at)} />, {bytes(email.size_bytes)}
          </dd>
          <dt>Brought by</dt>
          <dd class="break">
            {email.envelope.from || 'the null sender'}
            {email.envelope.remote_ip &&
              ` from ${email.envelope.remote_ip} (${email.envelope.helo}), ${email.envelope.tls ? 'over TLS' : 'in clear'}`}
          </dd>
          <dt>Message-ID</dt>
          <dd class="mono small break">{email.message_id || 'none'}</dd>
          {email.in_reply_to_message && (
            <>
              <dt>Answers</dt>
              <dd>
                <a href={`/messages/${email.in_reply_to_message}`}>a message that you sent</a>
              </dd>
            </>
          )}
        </dl>
      </Card>
      <Card id="routed" title="Why it was routed so">
        <p>
          By <strong>{email.routed.by}</strong>: {actionAbout[email.routed.action]}. {email.routed.detail}
          {email.forwarded_message !== null && (
            <>
              {' '}
              <a href={`/messages/${email.forwarded_message}`}>See how it travels</a>
            </>
          )}
        </p>
        {email.webhook_deliveries.length > 0 && (
          <div class="stack tight">
            {email.webhook_deliveries.map((id) => (
              <p>
                <a class="button small" href={`/webhook-deliveries/${id}`}>
                  Webhook delivery {id}
                </a>
              </p>
            ))}
          </div>
        )}
      </Card>
      <Card id="verdicts" title="What was found out on arrival" flush>
        <table class="cards">
          <Columns names={['Check', 'Result', 'About']} />
          <tbody>
            {verdictsOf(email).map(({ name, result, about }) => (
              <tr>
                <td>{name}</td>
                <td>
                  <State tone={verdictTone[result] ?? 'quiet'}>{result}</State>
                </td>
                <td class="break" data-label="About">
                  {about}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Card>
      {email.headers === null ? (
        <Card id="content" title="Content">
          <p class="quiet">The content is not kept any more.</p>
        </Card>
      ) : (
        <>
          {email.html && (
            <Card id="html" title="HTML">
              {/* Nothing in it runs or is fetched: sandboxed here, and by the policy of its own answer. */}
              <iframe class="mail" title="The mail as HTML" sandbox="" src={`${at}/html`} />
            </Card>
          )}
          <Card id="text" title="Text">
            <Code id="text-of" what="Text of the mail" text={email.text || '(no text)'} wrap />
          </Card>
          {email.attachments.length > 0 && (
            <Card id="attachments" title="Attachments" flush>
              <table class="cards">
                <Columns names={['Name', 'Type', 'Size']} />
                <tbody>
                  {email.attachments.map((part) => (
                    <tr>
                      <td class="break">
                        <a href={`${at}/attachments/${part.id}`}>{part.filename}</a>
                      </td>
                      <td class="quiet" data-label="Type">
                        {part.content_type}
                      </td>
                      <td data-label="Size">{bytes(part.size)}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </Card>
          )}
          <Card
            id="headers"
            title="Header"
            aside={
              <a class="button small" href={`${at}/raw`}>
                Download as it came
              </a>
            }
          >
            <Code
              id="headers-text"
              what="Header fields"
              text={email.headers.map(({ name, value }) => `${name}: ${value}`).join('\n')}
              wrap
            />
          </Card>
        </>
      )}
    </Page>,
  );
});

function verdictsOf({ spf, dkim, dmarc, arc, reverse_dns, spam }: Email) {
  const aligned = [dmarc.spf_aligned && 'SPF', dmarc.dkim_aligned && 'DKIM'].filter(Boolean).join(' and ');
  return [
    { name: 'SPF', result: spf.result, about: spf.domain },
    ...(dkim.signatures.length === 0
      ? [{ name: 'DKIM', result: dkim.result, about: 'no signature' }]
      : dkim.signatures.map((one) => ({
          name: 'DKIM',
          result: one.result,
          about: `${one.domain}, selector ${one.selector}, ${one.algorithm}${one.aligned ? ', aligned' : ''}`,
        }))),
    {
      name: 'DMARC',
      result: dmarc.result,
      about: `${dmarc.domain || 'no domain'}${dmarc.policy ? `, policy ${dmarc.policy}` : ''}${aligned ? `, aligned by ${aligned}` : ''}`,
    },
    { name: 'ARC', result: arc.result, about: arc.instance > 0 ? `${arc.instance} sets` : 'no chain' },
    {
      name: 'Reverse DNS',
      result: reverse_dns === null ? 'none' : reverse_dns.verified ? 'pass' : 'fail',
      about: reverse_dns?.name ?? 'the address has no name',
    },
    ...(spam === null
      ? []
      : [
          {
            name: 'Spam',
            result: spam.action,
            about: `score ${spam.score}${spam.symbols.length > 0 ? `: ${spam.symbols.join(', ')}` : ''}`,
          },
        ]),
  ];
}

receivedMailPages.page('/received/:id/html', async (c, viewer) => {
  const { email } = await callApi(
    c,
    viewer.account.accountId,
    { method: 'GET', path: pathOf(c) },
    inboundEmailAnswer,
  );
  if (!email.html) throw new Problem('not_found', 'This mail has no HTML that can be shown.');
  return mailFrame(email.html);
});

receivedMailPages.page('/received/:id/raw', async (c, viewer) => {
  return await askApi(c, viewer.account.accountId, { method: 'GET', path: `${pathOf(c)}/raw` });
});

receivedMailPages.page('/received/:id/attachments/:attachment', async (c, viewer) => {
  const attachment = c.req.param('attachment') ?? '';
  if (!/^\d{1,4}$/.test(attachment)) throw new Problem('not_found', 'The mail has no such attachment.');
  const path = `${pathOf(c)}/attachments/${attachment}/download`;
  return await askApi(c, viewer.account.accountId, { method: 'GET', path });
});

receivedMailPages.action('/received/:id/replay', async (c, viewer) => {
  const path = pathOf(c);
  await callApi(c, viewer.account.accountId, { method: 'POST', path: `${path}/replay` }, z.unknown());
  return c.redirect(`/received/${c.req.param('id')}?done=told-again`, 303);
});
