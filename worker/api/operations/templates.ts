import { acceptanceAnswer } from '../answers/sending.ts';
import { renderedAnswer, templateAnswer, templatesAnswer, versionsAnswer } from '../answers/templates.ts';
import { newTemplate, renderRequest, templateChange, templatesQuery, testRequest } from '../templates.ts';
import { jsonProblems, type OperationGroup, sendProblems } from './operation.ts';

const parameters = { id: 'The slug or the id.' };
const ofVersion = { ...parameters, version: 'The number of the version.' };
const json = 'application/json';
const aTemplate = { status: 200, about: 'The template', schema: templateAnswer };

export const templates: OperationGroup = {
  name: 'Templates',
  about: 'Content that is kept, with variables, in versions; and layouts around it.',
  operations: [
    {
      id: 'listTemplates',
      method: 'get',
      path: '/v1/templates',
      summary: 'List templates',
      about: 'Newest first, without their content.',
      query: templatesQuery,
      answer: { status: 200, about: 'A page', schema: templatesAnswer },
      problems: ['invalid_body'],
    },
    {
      id: 'createTemplate',
      method: 'post',
      path: '/v1/templates',
      summary: 'Make a template',
      about: 'It is published at once, unless `publish` is false.',
      body: { type: json, schema: newTemplate.meta({ id: 'NewTemplate' }) },
      answer: { status: 201, about: 'The template', schema: templateAnswer },
      problems: [...jsonProblems, 'conflict'],
    },
    {
      id: 'getTemplate',
      method: 'get',
      path: '/v1/templates/:id',
      summary: 'Read a template',
      about: 'With the content of its newest version, and the names that this reads.',
      parameters,
      answer: aTemplate,
      problems: ['not_found'],
    },
    {
      id: 'changeTemplate',
      method: 'patch',
      path: '/v1/templates/:id',
      summary: 'Change a template',
      about:
        'Fields that are left out stay. New content is a new version, unless there is a draft, which it replaces; it is published at once, unless `publish` is false.',
      parameters,
      body: { type: json, schema: templateChange.meta({ id: 'TemplateChange' }) },
      answer: aTemplate,
      problems: [...jsonProblems, 'not_found', 'conflict'],
    },
    {
      id: 'deleteTemplate',
      method: 'delete',
      path: '/v1/templates/:id',
      summary: 'Remove a template',
      about: 'With all of its versions. A layout that is around templates stays.',
      parameters,
      answer: { status: 204, about: 'It is gone', schema: null },
      problems: ['not_found', 'conflict'],
    },
    {
      id: 'listTemplateVersions',
      method: 'get',
      path: '/v1/templates/:id/versions',
      summary: 'List its versions',
      about: 'Newest first, the last fifty.',
      parameters,
      answer: { status: 200, about: 'The versions', schema: versionsAnswer },
      problems: ['not_found'],
    },
    {
      id: 'publishTemplate',
      method: 'post',
      path: '/v1/templates/:id/publish',
      summary: 'Publish the draft',
      about: 'The newest version is what is sent from now on.',
      parameters,
      answer: aTemplate,
      problems: ['not_found'],
    },
    {
      id: 'publishTemplateVersion',
      method: 'post',
      path: '/v1/templates/:id/versions/:version/publish',
      summary: 'Go back to a version',
      about: 'A version, an earlier one too, is what is sent from now on.',
      parameters: ofVersion,
      answer: aTemplate,
      problems: ['not_found'],
    },
    {
      id: 'renderTemplate',
      method: 'post',
      path: '/v1/templates/:id/render',
      summary: 'Render a template',
      about: 'What a message would say, layout included. A variable that is missing is a 400 that names it.',
      parameters,
      body: { type: json, schema: renderRequest.meta({ id: 'RenderRequest' }) },
      answer: { status: 200, about: 'What it comes to', schema: renderedAnswer },
      problems: [...jsonProblems, 'not_found'],
    },
    {
      id: 'testTemplate',
      method: 'post',
      path: '/v1/templates/:id/test',
      summary: 'Send a test',
      about: 'Renders it and sends it as a message of its own, whose subject begins with “[Test]”.',
      parameters,
      body: { type: json, schema: testRequest.meta({ id: 'TemplateTest' }) },
      answer: { status: 202, about: 'Accepted', schema: acceptanceAnswer },
      problems: [...new Set([...sendProblems, 'not_found' as const])],
    },
  ],
};
