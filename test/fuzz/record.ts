import { connect, createServer, type AddressInfo } from 'node:net';

/**
 * What a program sends to a port: runs it against a proxy that keeps the first bytes of its connection, up to a limit.
 *
 * @param run publishes to the given port and settles when it is done.
 */
export async function recordBytes(targetPort: number, limit: number, run: (port: number) => Promise<void>): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let size = 0;
  const proxy = createServer((client) => {
    const upstream = connect({ port: targetPort, host: '127.0.0.1' });
    client.on('data', (chunk: Buffer) => {
      if (size < limit) {
        chunks.push(chunk);
        size += chunk.byteLength;
      }
    });
    client.pipe(upstream).pipe(client);
    [client, upstream].forEach((socket) => socket.on('error', () => [client, upstream].forEach((end) => end.destroy())));
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  try {
    await run((proxy.address() as AddressInfo).port);
  } finally {
    await new Promise((resolve) => proxy.close(resolve));
  }
  return Buffer.concat(chunks).subarray(0, limit);
}
