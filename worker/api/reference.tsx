/** @jsxImportSource hono/jsx */
import { html } from 'hono/html';
import { newApp } from './app.ts';
import { openApiDocument } from './openapi.ts';
import { ReferencePage } from './reference-page.tsx';

/** `/openapi.json` and `/docs/api`: what the API is, for machines and for people. Open to everybody. */
export const referenceApp = newApp();

referenceApp.get('/openapi.json', (c) => {
  c.header('Access-Control-Allow-Origin', '*');
  return c.json(openApiDocument(new URL(c.req.url).origin));
});

referenceApp.get('/docs/api', (c) => {
  c.header('Content-Security-Policy', "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'");
  c.header('X-Content-Type-Options', 'nosniff');
  return c.html(html`<!doctype html>${<ReferencePage origin={new URL(c.req.url).origin} />}`);
});
