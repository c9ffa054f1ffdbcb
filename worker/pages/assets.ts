import { docsStyle } from './assets/docs-style.ts';
import { passkeyScript } from './assets/passkey.ts';
import { script } from './assets/script.ts';
import { style } from './assets/style.ts';
import { templateScript } from './assets/template.ts';

/** FNV-1a: names a version of an asset; it guards nothing. */
function versionOf(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash >>> 0).toString(36);
}

const icon =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><circle cx="16" cy="16" r="15" fill="#93461a"/><circle cx="16" cy="16" r="11.5" fill="none" stroke="#f3c9a9" stroke-width="1.5"/><path d="M9.5 12h13v8.5h-13zl6.5 5 6.5-5" fill="none" stroke="#fff" stroke-width="1.8" stroke-linejoin="round"/></svg>';

const assets = {
  'style.css': { type: 'text/css; charset=utf-8', text: style },
  'docs.css': { type: 'text/css; charset=utf-8', text: docsStyle },
  'script.js': { type: 'text/javascript; charset=utf-8', text: script },
  'passkey.js': { type: 'text/javascript; charset=utf-8', text: passkeyScript },
  'template.js': { type: 'text/javascript; charset=utf-8', text: templateScript },
  'icon.svg': { type: 'image/svg+xml', text: icon },
};
type AssetName = keyof typeof assets;
export type StyleName = Extract<AssetName, `${string}.css`>;

const urls = Object.fromEntries(
  Object.entries(assets).map(([name, { text }]) => [name, `/assets/${versionOf(text)}/${name}`]),
);

/** Where an asset is: the address changes with its text, so it may be kept for ever. */
export function assetUrl(name: AssetName): string {
  return urls[name] ?? '';
}

/** An asset's answer; null for an unknown name. An old version is answered with the new text, kept shortly. */
export function serveAsset(path: string): Response | null {
  const name = path.split('/').at(-1) ?? '';
  const asset = Object.entries(assets).find(([own]) => own === name)?.[1];
  if (!asset) return null;
  const current = urls[name] === path;
  return new Response(asset.text, {
    headers: {
      'Content-Type': asset.type,
      'Cache-Control': current ? 'public, max-age=31536000, immutable' : 'public, max-age=60',
      'X-Content-Type-Options': 'nosniff',
    },
  });
}
