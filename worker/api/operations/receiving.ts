import { z } from 'zod';
import {
  inboundEmailAnswer,
  inboundEmailsAnswer,
  replayedAnswer,
  routeAnswer,
  routesAnswer,
  routeTestAnswer,
  ruleAnswer,
  rulesAnswer,
} from '../answers/receiving.ts';
import { acceptanceAnswer } from '../answers/sending.ts';
import { inboundEmailsQuery } from '../inbound-emails.ts';
import { replySchema } from '../inbound-reply.ts';
import { newRoute, routeChange, routeTest } from '../inbound-routes.ts';
import { newRule, ruleChange } from '../inbound-rules.ts';
import { idempotency, jsonProblems, type OperationGroup, sendProblems } from './operation.ts';

const domainId = { id: 'The domain’s number or its name.' };
const ruleId = { ...domainId, rule: 'The number of the rule.' };
const routeId = { ...domainId, route: 'The number of the route.' };

export const receiving: OperationGroup = {
  name: 'Receiving',
  about: 'Mail that comes to domains of the types inbound, both and alias, and what is done with it.',
  operations: [
    {
      id: 'listInboundEmails',
      method: 'get',
      path: '/v1/inbound-emails',
      summary: 'List received mail',
      about: 'Newest first. A key that is limited to some domains sees no others.',
      query: inboundEmailsQuery,
      answer: { status: 200, about: 'A page', schema: inboundEmailsAnswer },
      problems: ['invalid_body'],
    },
    {
      id: 'getInboundEmail',
      method: 'get',
      path: '/v1/inbound-emails/:id',
      summary: 'Read a received mail',
      about: 'With its text, attachments, what was found out about it on arrival, and why it was routed so.',
      answer: { status: 200, about: 'The mail', schema: inboundEmailAnswer },
      problems: ['not_found'],
    },
    {
      id: 'getInboundEmailRaw',
      method: 'get',
      path: '/v1/inbound-emails/:id/raw',
      summary: 'Read a received mail as it came',
      about: 'Below the trace fields that were added on arrival.',
      answer: { status: 200, about: 'The mail', schema: z.string(), type: 'message/rfc822' },
      problems: ['not_found'],
    },
    {
      id: 'downloadInboundAttachment',
      method: 'get',
      path: '/v1/inbound-emails/:id/attachments/:attachment/download',
      summary: 'Download an attachment',
      about: 'With a key, or by the link in a webhook, which holds for 24 hours.',
      answer: { status: 200, about: 'Its bytes', schema: z.string(), type: 'application/octet-stream' },
      problems: ['not_found'],
    },
    {
      id: 'replayInboundEmail',
      method: 'post',
      path: '/v1/inbound-emails/:id/replay',
      summary: 'Tell of a received mail once more',
      about: 'To the endpoints that the rules of the domain name now.',
      answer: { status: 202, about: 'How many endpoints are told', schema: replayedAnswer },
      problems: ['not_found', 'conflict'],
    },
    {
      id: 'replyInboundEmail',
      method: 'post',
      path: '/v1/inbound-emails/:id/reply',
      summary: 'Answer a received mail',
      about:
        'A message as `POST /v1/send` takes it, with In-Reply-To and References of the mail, so that it stands in its thread. It goes to Reply-To, else to From, from the address that the mail came to, unless the body says otherwise.',
      headers: [idempotency],
      body: { type: 'application/json', schema: replySchema.meta({ id: 'Reply' }) },
      answer: { status: 202, about: 'Accepted', schema: acceptanceAnswer },
      problems: [...sendProblems, 'not_found'],
    },
    {
      id: 'listRoutes',
      method: 'get',
      path: '/v1/domains/:id/routes',
      summary: 'List the routes of a domain',
      about:
        'What is done with mail by local part: an exact one goes before a prefix, a longer prefix before a shorter one, `*` comes last.',
      parameters: domainId,
      answer: { status: 200, about: 'Its routes', schema: routesAnswer },
      problems: ['not_found'],
    },
    {
      id: 'createRoute',
      method: 'post',
      path: '/v1/domains/:id/routes',
      summary: 'Add a route',
      about: 'Mail that no route takes is refused in the SMTP session.',
      parameters: domainId,
      body: { type: 'application/json', schema: newRoute.meta({ id: 'NewRoute' }) },
      answer: { status: 201, about: 'The route', schema: routeAnswer },
      problems: [...jsonProblems, 'not_found', 'conflict', 'unavailable'],
    },
    {
      id: 'changeRoute',
      method: 'patch',
      path: '/v1/domains/:id/routes/:route',
      summary: 'Change a route',
      about: 'Fields that are left out stay.',
      parameters: routeId,
      body: { type: 'application/json', schema: routeChange.meta({ id: 'RouteChange' }) },
      answer: { status: 200, about: 'The route as it is now', schema: routeAnswer },
      problems: [...jsonProblems, 'not_found', 'conflict', 'unavailable'],
    },
    {
      id: 'deleteRoute',
      method: 'delete',
      path: '/v1/domains/:id/routes/:route',
      summary: 'Remove a route',
      about: 'Mail that came by it stays.',
      parameters: routeId,
      answer: { status: 204, about: 'It is gone', schema: null },
      problems: ['not_found'],
    },
    {
      id: 'testRoute',
      method: 'post',
      path: '/v1/domains/:id/routes/test',
      summary: 'Try an address',
      about: 'What would be done with a mail to it now, and which rule says so.',
      parameters: domainId,
      body: { type: 'application/json', schema: routeTest.meta({ id: 'RouteTestRequest' }) },
      answer: { status: 200, about: 'What would be done', schema: routeTestAnswer },
      problems: [...jsonProblems, 'not_found'],
    },
    {
      id: 'listRules',
      method: 'get',
      path: '/v1/domains/:id/rules',
      summary: 'List the rules of a domain',
      about:
        'What is done with mail by what is in it. Routes and aliases say which addresses take mail at all; of that mail the first rule that holds says what is done, else the route or alias does. Those of an alias go first. At the shared alias domain: the account’s own.',
      parameters: domainId,
      answer: { status: 200, about: 'Its rules in their order', schema: rulesAnswer },
      problems: ['not_found'],
    },
    {
      id: 'createRule',
      method: 'post',
      path: '/v1/domains/:id/rules',
      summary: 'Add a rule',
      about:
        'It is judged once the mail is here; one that refuses, or sends on to an address that has not agreed, says so to the sender in the SMTP session. Patterns know classes, groups, alternatives and repeats, no looking ahead or behind and no references back.',
      parameters: domainId,
      body: { type: 'application/json', schema: newRule.meta({ id: 'NewRule' }) },
      answer: { status: 201, about: 'The rule', schema: ruleAnswer },
      problems: [...jsonProblems, 'not_found', 'conflict', 'unavailable'],
    },
    {
      id: 'changeRule',
      method: 'patch',
      path: '/v1/domains/:id/rules/:rule',
      summary: 'Change a rule',
      about: 'Fields that are left out stay.',
      parameters: ruleId,
      body: { type: 'application/json', schema: ruleChange.meta({ id: 'RuleChange' }) },
      answer: { status: 200, about: 'The rule as it is now', schema: ruleAnswer },
      problems: [...jsonProblems, 'not_found', 'conflict', 'unavailable'],
    },
    {
      id: 'deleteRule',
      method: 'delete',
      path: '/v1/domains/:id/rules/:rule',
      summary: 'Remove a rule',
      about: 'Mail that it had acted on stays as it is.',
      parameters: ruleId,
      answer: { status: 204, about: 'It is gone', schema: null },
      problems: ['not_found'],
    },
  ],
};
