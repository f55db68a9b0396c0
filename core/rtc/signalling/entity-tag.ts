import { randomBytes } from 'node:crypto';

/** A new strong entity tag (RFC 9110, 8.8.3), quotes included: no two ICE sessions have the same. */
export function newEntityTag(): string {
  return `"${randomBytes(12).toString('base64url')}"`;
}

/** Whether an `If-Match` field (RFC 9110, 13.1.1) holds for the current tag: "the origin server MUST use the strong comparison function". */
export function matches(ifMatch: string, current: string): boolean {
  return ifMatch.trim() === '*' || ifMatch.split(',').some((tag) => tag.trim() === current);
}
