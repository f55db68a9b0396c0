/** A STUN or TURN server that answers name in a `Link` (RFC 9725, 4.6). */
export type IceServer = {
  /** `stun:host:port`, `turn:host:port?transport=udp`, `turns:...`. */
  readonly url: string;
  readonly username?: string;
  readonly credential?: string;
};

/** The value of a `Link` field for a server. */
export function iceServerLink({ url, username, credential }: IceServer): string {
  return [
    `<${url}>; rel="ice-server"`,
    ...(username === undefined ? [] : [`username=${quoted(username)}`]),
    ...(credential === undefined ? [] : [`credential=${quoted(credential)}`, 'credential-type="password"']),
  ].join('; ');
}

/** RFC 9110, 5.6.4: quoted-string. */
function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}
