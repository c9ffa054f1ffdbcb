import { readFile } from 'node:fs/promises';
import { Fault } from './fault.ts';

/** What a file that an option names holds. @throws Fault that names the file */
export async function contentOf(path: string, encoding: 'utf8' | 'base64'): Promise<string> {
  try {
    return (await readFile(path)).toString(encoding);
  } catch (error) {
    throw new Fault(`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** JSON of an option's value. @throws Fault that names the option */
export function jsonOf(option: string, value: string): unknown {
  try {
    return JSON.parse(value);
  } catch (error) {
    throw new Fault(`--${option} is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}
