/** @jsxImportSource hono/jsx */
import { html } from 'hono/html';
import { newApp } from '../http/app.ts';
import { apiOrigin } from '../http/public-origin.ts';
import { openApiDocument } from './openapi.ts';
import { ReferencePage } from './reference-page.tsx';

/** `/openapi.json` and `/docs/api`: what the API is, for machines and for people. Open to everybody. */
export const referenceApp = newApp();

/** Stands where a request's own origin will; both texts are made once, for they are dear and anybody may ask for them. */
const anyOrigin = 'https://origin.invalid';
const documentOnce = once(() => JSON.stringify(openApiDocument(anyOrigin)));
const pageOnce = once(async () => String(await html`<!doctype html>${<ReferencePage origin={anyOrigin} />}`));

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

referenceApp.get('/openapi.json', (c) => {
  c.header('Access-Control-Allow-Origin', '*');
  c.header('Content-Type', 'application/json');
  const origin = JSON.stringify(apiOrigin(c)).slice(1, -1);
  return c.body(documentOnce().replaceAll(anyOrigin, () => origin));
});

referenceApp.get('/docs/api', async (c) => {
  c.header('Content-Security-Policy', "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'");
  c.header('X-Content-Type-Options', 'nosniff');
  const origin = String(html`${apiOrigin(c)}`);
  return c.html((await pageOnce()).replaceAll(anyOrigin, () => origin));
});
