/** Vitest's global setup: brings the lab up once for all files of a run, and takes it down after them. */
import type { TestProject } from 'vitest/node';
import { whyNoLab } from './availability.ts';
import { bringUp, type LabHandle } from './lab.ts';

export type LabOffer = { handle: LabHandle } | { leftOut: string };

declare module 'vitest' {
  export interface ProvidedContext {
    lab: LabOffer;
  }
}

export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const prefix = process.env.LAB_PREFIX ?? 'pplab';
  const leftOut = await whyNoLab(prefix);
  if (leftOut) {
    console.warn(`\nThe mail lab is left out: ${leftOut}\n`);
    project.provide('lab', { leftOut });
    return undefined;
  }
  const started = Date.now();
  const { lab, takeDown } = await bringUp(prefix);
  console.info(`The mail lab is up after ${Date.now() - started} ms`);
  project.provide('lab', { handle: lab.handle });
  return takeDown;
}
