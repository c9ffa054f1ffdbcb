import { z } from 'zod';
import { simulatorDomain } from '#domain/delivery/simulator.ts';
import { sandboxAddress } from '#domain/message/sandbox.ts';
import type { SubmissionPlace } from '#domain/node-contract.ts';
import type { Call } from '../../http/app.ts';
import { publicOrigin } from '../../http/public-origin.ts';
import { html } from '../../pages/answer.tsx';
import { Card } from '../../pages/blocks.tsx';
import { Page } from '../../pages/layout.tsx';
import { Code, Head, Secret } from '../../pages/parts.tsx';
import { listCredentials } from '../../store/accounts.ts';
import { shownSubmission } from '../../store/nodes.ts';
import { Board } from '../board.tsx';
import { shownOnce } from '../once.ts';
import { domainsOf, Keys } from './keys.tsx';
import { snippets } from './snippets.ts';
import { TestMessage } from './test-message.tsx';

/** How to send: hosts and ports, keys, ready snippets, a test. */
export const sendingPages = new Board();

const madeSchema = z.object({ text: z.string(), username: z.string() });

sendingPages.page('/sending', async (c, viewer) => {
  const made = await shownOnce(c, viewer, madeSchema);
  const store = c.get('store');
  const { accountId } = viewer.account;
  const [credentials, domains, endpoint] = await Promise.all([
    listCredentials(store, accountId),
    domainsOf(store, viewer),
    submissionOf(c),
  ]);
  const senders = domains.filter(
    ({ status, type }) => status === 'verified' && (type === 'outbound' || type === 'both'),
  );
  const simulator = simulatorDomain(c.get('env').serviceDomain);
  const sandbox = sandboxAddress(c.get('env').serviceDomain, accountId);
  const from = senders[0] ? `hello@${senders[0].name}` : sandbox;
  const key = made?.text ?? 'pp_live_…';
  const username =
    made?.username ?? credentials.find(({ revokedAtMs }) => revokedAtMs === null)?.username ?? 'pennypost';
  const origin = publicOrigin(c);
  return html(
    c,
    <Page title="SMTP & API" viewer={viewer} url={c.req.url}>
      <Head title="SMTP & API" lead="Send by HTTP or by SMTP, as it suits you: both are treated alike." />
      {made && (
        <Secret
          title="Your new key"
          what="the key"
          text={made.text}
          about="The snippets below are filled with it."
        />
      )}
      <div class="grid">
        <Card id="smtp" title="SMTP">
          {endpoint === null ? (
            <p>
              No SMTP node that takes mail has been seen yet. When one has started, its host and ports stand
              here.
            </p>
          ) : (
            <dl class="facts">
              <dt>Host</dt>
              <dd>
                <code>{endpoint.host}</code>
              </dd>
              {endpoint.port !== null && (
                <>
                  <dt>Port, STARTTLS</dt>
                  <dd>
                    <code>{endpoint.port}</code>
                  </dd>
                </>
              )}
              {endpoint.tlsPort !== null && (
                <>
                  <dt>Port, TLS from the start</dt>
                  <dd>
                    <code>{endpoint.tlsPort}</code>
                  </dd>
                </>
              )}
              <dt>User</dt>
              <dd>
                <code>{username}</code>
              </dd>
              <dt>Password</dt>
              <dd>one of your keys</dd>
            </dl>
          )}
        </Card>
        <Card id="http" title="HTTP">
          <dl class="facts">
            <dt>Send</dt>
            <dd>
              <code>POST {origin}/v1/send</code>
            </dd>
            <dt>Authorization</dt>
            <dd>
              <code>Bearer</code> and one of your keys
            </dd>
            <dt>Body</dt>
            <dd>
              JSON; a whole message goes to <code>/v1/send/raw</code>
            </dd>
          </dl>
        </Card>
      </div>
      <Keys
        {...{ credentials, viewer, domains }}
        open={c.req.query('make') === 'key' || c.get('refused')?.path === '/sending/keys'}
      />
      <TestMessage
        viewer={viewer}
        senders={senders.map(({ name }) => name)}
        sandbox={sandbox}
        simulator={simulator}
      />
      <Card id="snippets" title="Ready to paste">
        <div class="tabs">
          {snippets({
            apiUrl: origin,
            smtp: endpoint,
            username,
            key,
            from,
            to: `delivered@${simulator}`,
          }).map(({ name, text }, i) => (
            <details name="snippet" open={i === 0}>
              <summary>{name}</summary>
              <Code id={`snippet-${i}`} what={`snippet for ${name}`} text={text} />
            </details>
          ))}
        </div>
      </Card>
    </Page>,
  );
});

/** Where clients submit by SMTP: as it is set, else where the operator lets a node be shown; null: nowhere yet. */
async function submissionOf(c: Call): Promise<SubmissionPlace | null> {
  const [host, port, tlsPort] = c.get('env').submission.split(':');
  if (host && port && tlsPort) return { host, port: Number(port), tlsPort: Number(tlsPort) };
  return await shownSubmission(c.get('store'));
}
