import { z } from 'zod';
import { mostAccountsTold, type SendingAddressState } from '#domain/delivery/sending-address.ts';
import { nodeId } from '#domain/node-contract.ts';
import { Problem } from '#domain/problem.ts';
import { letShow, makeNodeToken, revokeTokens } from '../../api/admin-nodes.ts';
import type { Call } from '../../http/app.ts';
import { html } from '../../pages/answer.tsx';
import { Card, Columns } from '../../pages/blocks.tsx';
import { Field, Fields, Post } from '../../pages/forms.tsx';
import { Page } from '../../pages/layout.tsx';
import { Empty, Head, Secret, State, Time } from '../../pages/parts.tsx';
import type { Viewer } from '../../store/auth.ts';
import { listNodeTokens, type NodeToken } from '../../store/node-tokens.ts';
import { listNodes, type NodeRow, placeSaid, placeShown, sendingAddressesOf } from '../../store/nodes.ts';
import { Board } from '../board.tsx';
import { shownOnce, thenShow } from '../once.ts';

/** The tokens of nodes, and what customers are told of them: for the operator. */
export const nodePages = new Board();

const madeSchema = z.object({ nodeId: z.string(), token: z.string() });

nodePages.page('/operator/nodes', async (c, viewer) => {
  return await pageOf(c, viewer, await shownOnce(c, viewer, madeSchema));
});

nodePages.action('/operator/nodes', async (c, viewer, form) => {
  const id = nodeId.safeParse(form.text('node'));
  if (!id.success) {
    const detail = 'Give the node a name, its host name for example.';
    throw new Problem('invalid_body', detail, { errors: [{ pointer: '/node', detail }] });
  }
  const token = await makeNodeToken(c, id.data);
  return await thenShow(c, viewer, '/operator/nodes', { nodeId: id.data, token });
});

nodePages.action('/operator/nodes/:nodeId/revoke', async (c, _viewer, form) => {
  await revokeTokens(c, c.req.param('nodeId') ?? '', form.text('hint') || null);
  return c.redirect('/operator/nodes?done=token-revoked', 303);
});

nodePages.action('/operator/nodes/:nodeId/submission', async (c, _viewer, form) => {
  await letShow(c, c.req.param('nodeId') ?? '', form.text('show') === 'yes');
  return c.redirect('/operator/nodes#nodes', 303);
});

async function pageOf(c: Call, viewer: Viewer, made: z.output<typeof madeSchema> | null): Promise<Response> {
  const store = c.get('store');
  const [nodes, tokens] = await Promise.all([listNodes(store), listNodeTokens(store)]);
  const sending = sendingAddressesOf(nodes);
  return html(
    c,
    <Page title="Nodes" viewer={viewer} url={c.req.url}>
      <Head title="Nodes" lead="Each has a token of its own, which speaks for it and for no other.">
        <a class="button" href="/operator">
          Installation
        </a>
      </Head>
      {made && (
        <Secret
          title={`Token of ${made.nodeId}`}
          what="the token"
          text={made.token}
          about="Set it as PENNYPOST_NODE_TOKEN of that node, with PENNYPOST_NODE_ID as its name here."
        />
      )}
      <Card id="tokens" title="Tokens" flush>
        {tokens.length === 0 ? (
          <Empty title="No tokens yet">
            <p>The first node that starts with NODE_TOKEN gets one by itself.</p>
          </Empty>
        ) : (
          <Tokens tokens={tokens} />
        )}
      </Card>
      {sending.length > 0 && (
        <Card id="sending" title="Sending addresses" flush>
          <Sending addresses={sending} />
        </Card>
      )}
      <Card id="nodes" title="Where customers submit" flush>
        {nodes.length === 0 ? (
          <Empty title="No nodes yet">
            <p>None has reported yet. One appears here once it runs with its token.</p>
          </Empty>
        ) : (
          <Places nodes={nodes} />
        )}
      </Card>
      <Card id="new-token" title="Make a token">
        <Fields action="/operator/nodes" submit="Make it">
          <Field
            label="Node"
            name="node"
            maxlength={255}
            hint="Its PENNYPOST_NODE_ID, which is its host name unless you set it. The tokens that it has stay good until you revoke them."
          />
        </Fields>
      </Card>
    </Page>,
  );
}

function Tokens({ tokens }: { tokens: readonly NodeToken[] }) {
  return (
    <table class="cards">
      <Columns names={['Node', 'Token', 'Since']} actions />
      <tbody>
        {tokens.map(({ nodeId: id, hint, createdAtMs }) => (
          <tr>
            <td class="break">{id}</td>
            <td data-label="Token">
              <code>…{hint}</code>
            </td>
            <td class="nowrap" data-label="Since">
              <Time ms={createdAtMs} />
            </td>
            <td>
              <Post
                action={`/operator/nodes/${encodeURIComponent(id)}/revoke`}
                label="Revoke"
                values={{ hint }}
                sure="Within a minute the node is not known any more: it delivers nothing until it has another token."
                tone="danger"
              />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Places({ nodes }: { nodes: readonly NodeRow[] }) {
  return (
    <table class="cards">
      <Columns names={['Node', 'It says', 'Customers are told']} actions />
      <tbody>
        {nodes.map((node) => {
          const [said, shown] = [placeText(placeSaid(node)), placeText(placeShown(node))];
          const action = `/operator/nodes/${encodeURIComponent(node.nodeId)}/submission`;
          return (
            <tr>
              <td class="break">{node.nodeId}</td>
              <td class="break" data-label="It says">
                {said ?? 'takes no submissions'}
              </td>
              <td class="break" data-label="Customers are told">
                {shown ?? 'nothing'}
              </td>
              <td>
                <div class="row">
                  {said !== null && said !== shown && (
                    <Post action={action} label="Show" values={{ show: 'yes' }} />
                  )}
                  {shown !== null && <Post action={action} label="Hide" values={{ show: 'no' }} />}
                </div>
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function Sending({ addresses }: { addresses: readonly SendingAddressState[] }) {
  return (
    <table class="cards">
      <Columns names={['Sends from', 'For', 'State', { num: 'Today' }]} />
      <tbody>
        {addresses.map(({ name, addresses, classes, accounts, rampDay, today, allowedToday, paused }) => (
          <tr>
            <td class="break">
              {name}
              <p class="small quiet">{addresses.join(', ')}</p>
            </td>
            <td class="break" data-label="For">
              {poolText(classes, accounts)}
            </td>
            <td class="break" data-label="State">
              <State tone={paused.length > 0 ? 'warn' : 'good'}>
                {paused.length > 0 ? 'paused' : rampDay === null ? 'warm' : `ramp, day ${rampDay}`}
              </State>
              {paused.length > 0 && <p class="small quiet">asked to slow down: {paused.join(', ')}</p>}
            </td>
            <td class="num" data-label="Today">
              {today.toLocaleString('en')}
              {allowedToday !== null && ` of ${allowedToday.toLocaleString('en')}`}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** The mail that leaves from an address. */
function poolText(classes: readonly string[] | null, accounts: readonly number[] | null): string {
  const numbers = accounts?.slice(0, mostAccountsTold - 1).map((id) => `#${id}`) ?? [];
  const more = (accounts?.length ?? 0) > numbers.length ? ' and more' : '';
  const parts = [...(classes ?? []), ...(accounts ? [`accounts ${numbers.join(', ')}${more}`] : [])];
  return parts.length === 0 ? 'all mail' : parts.join(', ');
}

function placeText(place: ReturnType<typeof placeShown>): string | null {
  if (!place) return null;
  const ports = [place.port, place.tlsPort].filter((port) => port !== null);
  return `${place.host}, ${ports.length === 1 ? 'port' : 'ports'} ${ports.join(', ')}`;
}
