/** The private shape of reports of a family of mail systems, as data. */
export interface NoticeFamily {
  name: string;
  /**
   * What tells that a report is of this family: any of these in `from: …`, `subject: …`, an empty line and the
   * readable text up to the copy of the original.
   */
  marks: readonly RegExp[];
  /** Lines that name a failed recipient, tried in this order; group 1 holds the address. */
  recipients: readonly RegExp[];
  /** Lines at which the copy of the original begins; these are looked for in every report. */
  copy: readonly RegExp[];
}
