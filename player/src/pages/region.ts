/**
 * Where the viewer is, for the choice among edges: `?region=` of the address, else what the page was told when it was sent,
 * `<meta name="millrace-region" content="...">`.
 */
export function regionOf(address: { readonly region?: string | undefined }): string | undefined {
  const told = document.querySelector<HTMLMetaElement>('meta[name="millrace-region"]')?.content;
  return address.region ?? (told === '' ? undefined : told);
}
