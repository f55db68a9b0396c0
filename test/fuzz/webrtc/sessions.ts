/** A session that was asked for. */
export type Posted = { readonly status: number; readonly url: string; readonly answer: string };

/** POSTs an offer. A key makes it WHIP's, a stream WHEP's. */
export async function postOffer(server: string, to: { readonly key: string } | { readonly stream: string }, offer: string): Promise<Posted> {
  const path = 'key' in to ? '/whip' : `/whep/${to.stream}`;
  const response = await fetch(`${server}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/sdp', ...('key' in to ? { authorization: `Bearer ${to.key}` } : {}) },
    body: offer,
  });
  const location = response.headers.get('location') ?? '';
  return { status: response.status, url: location === '' ? '' : new URL(location, server).href, answer: await response.text() };
}

/** The same. @throws where the server does not answer 201. */
export async function openSession(server: string, to: Parameters<typeof postOffer>[1], offer: string): Promise<Posted> {
  const posted = await postOffer(server, to, offer);
  if (posted.status !== 201) {
    throw new Error(`${posted.status}: ${posted.answer}`);
  }
  return posted;
}
