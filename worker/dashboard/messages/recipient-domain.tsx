import type { RecipientPolicy } from '#domain/delivery/recipient-policy.ts';
import { domainFault } from '#domain/message/address.ts';
import { Problem } from '#domain/problem.ts';
import type { Call } from '../../http/app.ts';
import { asciiDomain } from '../../intake/recipient.ts';
import { html } from '../../pages/answer.tsx';
import { Card, Columns } from '../../pages/blocks.tsx';
import { Page } from '../../pages/layout.tsx';
import { DeliveryStateOf, Empty, Head, State, Time, Titled } from '../../pages/parts.tsx';
import type { Viewer } from '../../store/auth.ts';
import { anyMessage, readMessagePage } from '../../store/message-pages.ts';
import { findMessage, type StoredDelivery, type StoredMessage } from '../../store/messages.ts';
import { findPolicy } from '../../store/recipient-policies.ts';
import { Board } from '../board.tsx';
import { TlsUsed, tlsOf } from './tls-used.tsx';

/** A recipient domain: what it asks of TLS, and how the last mail of the account went there. */
export const recipientDomainPages = new Board();

const mostShown = 5;

recipientDomainPages.page('/recipients/:domain', async (c, viewer) => {
  const written = (c.req.param('domain') ?? '').toLowerCase();
  const fault = domainFault(written);
  if (fault) throw new Problem('not_found', `A recipient domain ${fault}.`);
  const domain = asciiDomain(written);
  const [found, deliveries] = await Promise.all([
    findPolicy(c.get('store'), domain),
    lastDeliveries(c, viewer, written),
  ]);
  return html(
    c,
    <Page title={written} viewer={viewer} url={c.req.url}>
      <Head
        title={written}
        crumb={{ href: '/messages', text: 'Messages' }}
        lead="What this recipient domain asks of TLS, and how your last mail went there."
      />
      <Card id="asked" title="What it asks for">
        {found ? (
          <>
            <Sts {...found.policy} />
            <Dane dane={found.policy.dane} />
            <p class="small quiet">
              As a node saw it <Time ms={found.seenAtMs} as="ago" />.
            </p>
          </>
        ) : (
          <p>
            No node has seen it ask for anything: its mail goes encrypted where its hosts offer that, whatever
            their certificate.
          </p>
        )}
      </Card>
      <section class="card flush" aria-labelledby="used">
        <div class="card-head">
          <h2 id="used">What was used</h2>
          <a href={`/messages?q=${encodeURIComponent(`@${written}`)}`}>All messages</a>
        </div>
        {deliveries.length === 0 ? (
          <Empty title="No mail found">
            <p>None of your newest messages went to {written}.</p>
          </Empty>
        ) : (
          <Used deliveries={deliveries} />
        )}
      </section>
    </Page>,
  );
});

interface Last {
  message: StoredMessage;
  delivery: StoredDelivery;
}

/** The newest deliveries of the account to a domain, one a message. */
async function lastDeliveries(c: Call, viewer: Viewer, domain: string): Promise<Last[]> {
  const { accountId } = viewer.account;
  const nowMs = Date.now();
  const search = { ...anyMessage, text: `@${domain}` };
  const page = await readMessagePage(c.get('store'), accountId, search, {
    from: null,
    limit: mostShown,
    nowMs,
  });
  const messages = await Promise.all(
    page.messages.map(({ messageId }) => findMessage(c.get('store'), accountId, messageId, nowMs)),
  );
  return messages.flatMap((message) => {
    const delivery = message?.deliveries.find(({ recipient }) =>
      recipient.toLowerCase().endsWith(`@${domain}`),
    );
    return message && delivery ? [{ message, delivery }] : [];
  });
}

function Sts({ sts, stsFault }: Pick<RecipientPolicy, 'sts' | 'stsFault'>) {
  if (stsFault !== null)
    return (
      <p class="break">
        MTA-STS: its DNS announces a policy that could not be had, so there is none: {stsFault}
      </p>
    );
  if (!sts) return <p>MTA-STS: no policy.</p>;
  return (
    <dl class="facts">
      <dt>MTA-STS</dt>
      <dd>
        {sts.mode === 'enforce' ? (
          <>
            <State tone="good">enforce</State> Mail goes only to hosts that it names, with a certificate that
            is valid for them; otherwise it waits.
          </>
        ) : (
          <>
            <State tone="quiet">testing</State> Mail goes in any case; what is not met is reported.
          </>
        )}
      </dd>
      <dt>Policy</dt>
      <dd>
        <code>{sts.id}</code>, kept until <Time ms={sts.expiresMs} />
      </dd>
      <dt>Hosts that it names</dt>
      <dd class="break">
        {sts.mx.map((name, i) => (
          <>
            {i > 0 && ', '}
            <code>{name}</code>
          </>
        ))}
      </dd>
    </dl>
  );
}

const daneText = {
  records: 'the certificate must be one of those that DNS names',
  any: 'encryption with any certificate: its records are of kinds that SMTP does not know',
  failed: 'what DNS says could not be verified, so the host is not used',
};

function Dane({ dane }: Pick<RecipientPolicy, 'dane'>) {
  if (dane.length === 0) return <p>DANE: no host has it, or no node has a DNS resolver that validates.</p>;
  return (
    <div class="scroll">
      <table class="plain-table">
        <Columns names={['Host with DANE', 'What it asks for', 'TLSA records']} />
        <tbody>
          {dane.map(({ host, state, records }) => (
            <tr>
              <th scope="row" class="break">
                {host}
              </th>
              <td>{daneText[state]}</td>
              <td class="mono break">{records.map((record) => `${record.slice(0, 24)}…`).join(', ')}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Used({ deliveries }: { deliveries: readonly Last[] }) {
  return (
    <table class="cards">
      <Columns names={['Message', 'State', 'TLS']} />
      <tbody>
        {deliveries.map(({ message, delivery }) => (
          <tr>
            <td class="one">
              <Titled href={`/messages/${message.messageId}`} text={message.subject} />
              <div class="small quiet">
                <Time ms={message.acceptedAtMs} />
              </div>
            </td>
            <td>
              <DeliveryStateOf state={delivery.state} />
            </td>
            <td>
              <TlsUsed used={tlsOf(delivery.timeline)} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
