/** What the caller can mend; told in one sentence, without a trace. */
export class Fault extends Error {}
