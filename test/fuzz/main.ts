import { runCampaign } from './campaign.ts';

/** `npm run fuzz [-- --seed N] [--rtmp N] [--http N]`: the long run. Ends with 1 where something was found. */
function argument(name: string, standard: number): number {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? standard : Number(process.argv[at + 1]);
}

const report = await runCampaign({
  seed: argument('seed', Date.now() % 1_000_000),
  rtmpStreams: argument('rtmp', 100_000),
  httpRequests: argument('http', 20_000),
  log: (line) => process.stdout.write(`${line}\n`),
});
process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
const { alive, testimony, inspection, rssBefore, rssAfter } = report;
const sound = alive && testimony.missing.length === 0 && testimony.parts > 0 && inspection.faults.length === 0 && rssAfter < rssBefore + 150;
process.stdout.write(sound ? 'nothing found\n' : 'FOUND SOMETHING: see above\n');
process.exitCode = sound ? 0 : 1;
