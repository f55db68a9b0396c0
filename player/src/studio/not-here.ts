/** Why a page cannot capture, and what helps. */
export type NotHere = { readonly reason: string; readonly cures: readonly string[] };

/** What to say where there are no devices, by the page's address and whether browsers trust it (W3C Secure Contexts). */
export function whyNotHere({ protocol, host, port }: Pick<Location, 'protocol' | 'host' | 'port'>, secure: boolean): NotHere {
  if (secure) {
    return {
      reason: 'This browser has no access to cameras and microphones, or no WebRTC.',
      cures: ['Open the page in a current Chrome, Edge, Firefox or Safari, outside of other apps.', 'Or broadcast with OBS or another program, with the same key.'],
    };
  }
  const local = `http://localhost${port === '' ? '' : `:${port}`}/studio`;
  return {
    reason: `Browsers give camera, microphone and screen only to pages that come over HTTPS, or from the computer itself. This one came over ${protocol.replace(':', '').toUpperCase()} from ${host}.`,
    cures: [
      'Open it with https:// before the address, if the server has a certificate. Its owner sets one with tlsCert and tlsKey, or puts a proxy with TLS before it.',
      `On the server’s own computer, open ${local}.`,
      `From another computer with an SSH login: ssh -L ${port === '' ? '8080:localhost:80' : `${port}:localhost:${port}`} and the server’s name, then open ${port === '' ? 'http://localhost:8080/studio' : local} there.`,
      'Or broadcast with OBS or another program, with the same key: they need no HTTPS.',
    ],
  };
}
