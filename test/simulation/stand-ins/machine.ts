/** What a node asks of its machine beside the disk; stands for `data-directory.ts` and `submission/certificate.ts`. */
export async function claimDataDirectory() {
  return async () => undefined;
}

export async function certificateFiles() {
  return { certificate: '', key: '' };
}

export async function readPair() {
  return { cert: '', key: '' };
}

/** A simulated disk has no other users. */
export async function keepPrivate(): Promise<void> {}
