import { accessRows, type Who } from './row.ts';

const operator: Who = { surface: 'operator' };
const node: Who = { surface: 'node' };
const enrolment: Who = { surface: 'enrolment' };
const tracking: Who = { surface: 'tracking', limit: 'tracking' };
const everybody: Who = { surface: 'public', limit: null };
const mailLink: Who = { ...tracking, onLinkHosts: true };
const everywhere: Who = { ...everybody, onLinkHosts: true };

/** The operator's calls, nodes, links in mails, and what is open to everybody. */
export const otherAccess = accessRows([
  ['GET /admin/v1/accounts', operator],
  ['POST /admin/v1/accounts', operator, 'account made'],
  ['GET /admin/v1/accounts/:id', operator],
  ['PUT /admin/v1/accounts/:id/status', operator, 'account status changed'],
  ['GET /admin/v1/accounts/:id/home', operator],
  ['PUT /admin/v1/accounts/:id/home', operator, 'account moved'],
  ['PUT /admin/v1/accounts/:id/limits', operator, 'account limits changed'],
  ['POST /admin/v1/accounts/:id/destinations', operator, 'destination vouched for'],
  ['GET /admin/v1/accounts/:id/credentials', operator],
  ['POST /admin/v1/accounts/:id/credentials', operator, 'key made'],
  ['DELETE /admin/v1/accounts/:id/credentials/:credentialId', operator, 'key revoked'],
  ['POST /admin/v1/accounts/:id/domains', operator, 'domain added'],
  ['GET /admin/v1/accounts/:id/domains/:domain', operator],
  ['PATCH /admin/v1/accounts/:id/domains/:domain', operator, 'domain changed'],
  ['GET /admin/v1/accounts/:id/domains/:domain/warming', operator],
  ['PUT /admin/v1/accounts/:id/domains/:domain/warming', operator, 'warming changed'],
  ['GET /admin/v1/counters', operator],
  ['GET /admin/v1/dkim-records', operator],
  ['GET /admin/v1/nodes', operator],
  ['POST /admin/v1/nodes', operator, 'node token made'],
  ['PATCH /admin/v1/nodes/:nodeId', operator, 'node changed'],
  ['DELETE /admin/v1/nodes/:nodeId/tokens', operator, 'node tokens revoked'],
  ['GET /admin/v1/transports', operator],
  ['POST /admin/v1/transports', operator, 'transport added'],
  ['PATCH /admin/v1/transports/:name', operator, 'transport changed'],
  ['DELETE /admin/v1/transports/:name', operator, 'transport removed'],
  ['PUT /admin/v1/transport-rules', operator, 'transport rules changed'],
  ['POST /node/v1/enrol', enrolment, 'node enrolled'],
  ['POST /node/v1/hello', node],
  ['GET /node/v1/installation', node],
  ['POST /node/v1/tls-report', node],
  ['POST /node/v1/tls-policies', node],
  ['GET /node/v1/wake', node],
  ['POST /node/v1/lease', node],
  ['GET /node/v1/raw/:messageId', node],
  ['POST /node/v1/results', node],
  ['POST /node/v1/release', node],
  ['POST /node/v1/inbound/check', node],
  ['POST /node/v1/inbound/authorize', node],
  ['POST /node/v1/inbound', node],
  ['POST /node/v1/received', node],
  ['GET /t/:file', mailLink],
  ['GET /c/:token', mailLink],
  ['GET /u/:token', mailLink],
  ['POST /u/:token', mailLink],
  ['GET /alias/off/:token', tracking],
  ['POST /alias/off/:token', tracking],
  ['GET /destination/:token', tracking],
  ['POST /destination/:token', tracking],
  // Tells whether a link host that is attached by hand leads here.
  ['GET /healthz', everywhere],
  ['GET /openapi.json', everybody],
  // Of what a relay took, with its signature; it comes from few sources, as often as mail goes.
  ['POST /feeds/:transport/:mac', everybody],
  // A key is made for each request.
  ['GET /.well-known/webhook-keys/:id', { surface: 'public', limit: 'pages' }],
  ['GET /docs', everybody],
  ['GET /docs/api', everybody],
  ['GET /docs/api/:group', everybody],
  // It looks through all texts for each request.
  ['GET /docs/search', { surface: 'public', limit: 'pages' }],
  ['GET /docs/:guide', everybody],
  // Styles of the page to unsubscribe are among them.
  ['GET /assets/:version/:name', everywhere],
]);
