/** What a bucket holds under a key: bytes, or undefined where it was taken away and a marker of that is left. */
export type Entry = { readonly revision: number; readonly bytes: Uint8Array | undefined };
