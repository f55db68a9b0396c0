/**
 * The sum of a metric's samples as the server tells them now.
 *
 * @throws where it does not tell it.
 */
export async function readGauge(metricsPort: number, name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  const samples = [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))];
  if (samples.length === 0) {
    throw new Error(`the server does not tell ${name}`);
  }
  return samples.reduce((sum, [, value]) => sum + Number(value), 0);
}
