import { registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';
import { repository } from './standalone.ts';

/**
 * The types of an API in TypeScript, as openapi-typescript makes them for whoever calls it.
 * @param document OpenAPI 3.1
 */
export async function typesOf(document: object): Promise<string> {
  // It prints by the compiler's programming interface, which `typescript` has no more from version 7 on.
  const compiler = pathToFileURL(`${repository}node_modules/@ts-morph/common/dist/typescript.js`).href;
  const hooks = registerHooks({
    resolve: (specifier, context, next) =>
      specifier === 'typescript' ? { url: compiler, shortCircuit: true } : next(specifier, context),
  });
  try {
    const { default: openapiTypescript, astToString } = await import('openapi-typescript');
    return astToString(
      await openapiTypescript(structuredClone(document) as Parameters<typeof openapiTypescript>[0]),
    );
  } finally {
    hooks.deregister();
  }
}
