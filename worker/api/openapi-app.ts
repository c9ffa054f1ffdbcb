import { newApp } from '../http/app.ts';
import { once } from '../http/once.ts';
import { anyOrigin, apiOrigin } from '../http/public-origin.ts';
import { openApiDocument } from './openapi.ts';

/** `/openapi.json`: what the API is, for machines. Open to everybody, so it is made once. */
export const openApiApp = newApp();

const documentOnce = once(() => JSON.stringify(openApiDocument(anyOrigin)));

openApiApp.get('/openapi.json', (c) => {
  c.header('Access-Control-Allow-Origin', '*');
  c.header('Content-Type', 'application/json');
  const origin = JSON.stringify(apiOrigin(c)).slice(1, -1);
  return c.body(documentOnce().replaceAll(anyOrigin, () => origin));
});
