/** Does one job after the other; one that fails keeps none of the others from being done, and is thrown at the end. */
export async function eachOf(jobs: readonly (() => Promise<unknown>)[]): Promise<void> {
  const faults: unknown[] = [];
  for (const job of jobs) await job().catch((error: unknown) => faults.push(error));
  if (faults.length > 0) throw new AggregateError(faults, `cron: ${faults.map(String).join('; ')}`);
}
