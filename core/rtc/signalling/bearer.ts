/** RFC 6750, 2.1: `b64token`. Longer ones are no token of ours. */
const bearerPattern = /^Bearer +([A-Za-z0-9._~+/-]{1,4096}=*) *$/i;

/** The Bearer token of an `Authorization` header; undefined where there is none, `malformed` where it is anything else. */
export function readBearer(authorization: string | undefined): { readonly token: string } | 'malformed' | undefined {
  if (authorization === undefined) {
    return undefined;
  }
  const token = bearerPattern.exec(authorization)?.[1];
  return token === undefined ? 'malformed' : { token };
}
