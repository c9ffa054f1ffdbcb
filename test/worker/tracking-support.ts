import { env } from 'cloudflare:workers';
import { parseEnv } from '../../worker/env.ts';
import { latin1, parsedMail, request } from './support.ts';

/** A program that people read mail with. */
export const browser =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148';

/** The keys that links are made with here. */
export const keys = parseEnv(env).returnPathKeys;

/** Links of ours in a message as it was handed to a node: paths below the Worker's origin. */
export interface FoundLinks {
  html: string;
  text: string;
  pixel: string;
  clicks: string[];
  unsubscribe: string;
  unsubscribePost: string;
}

export async function linksOf(messageId: string): Promise<FoundLinks> {
  const mail = await parsedMail(messageId);
  const html = mail.html ?? '';
  const field = (name: string) => mail.headers.find(({ key }) => key === name)?.value ?? '';
  const path = (link: string | undefined) => (link ?? '').replace(/^https:\/\/api\.test(?=\/)/, '');
  return {
    html,
    text: mail.text ?? '',
    pixel: path(/<img src="([^"]+)" width="1" height="1" alt="">/.exec(html)?.[1]),
    clicks: [...html.matchAll(/href="(https:\/\/api\.test\/c\/[^"]+)"/g)].map(([, link]) => path(link)),
    unsubscribe: path(/^<([^<>]+)>$/.exec(field('list-unsubscribe'))?.[1]),
    unsubscribePost: field('list-unsubscribe-post'),
  };
}

/** Fetches as a mail program does; redirects are not followed. */
export async function visit(
  path: string,
  init: { method?: string; headers?: Record<string, string> } = {},
): Promise<Response> {
  const { method = 'GET', headers = {} } = init;
  return await request(path, { method, redirect: 'manual', headers: { 'User-Agent': browser, ...headers } });
}

/** Posts what a mail program posts for its user (RFC 8058 §3.2). */
export async function postOneClick(
  path: string,
  body: BodyInit = 'List-Unsubscribe=One-Click',
  headers: Record<string, string> = { 'Content-Type': 'application/x-www-form-urlencoded' },
): Promise<{ status: number; headers: Headers; text: string }> {
  const response = await request(path, { method: 'POST', body, headers });
  return { status: response.status, headers: response.headers, text: latin1(await response.bytes()) };
}
