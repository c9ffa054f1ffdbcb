/** A message as the capture MX lists it. */
export interface CapturedMessage {
  id: string;
  mailFrom: string;
  rcptTo: string[];
  subject: string;
  /** RFC 3339. */
  at: string;
}
