import { runCampaign } from './campaign.ts';
import { isSound, runWebrtcCampaign } from './webrtc/campaign.ts';

/** `npm run fuzz [-- --seed N] [--rtmp N] [--http N] [--webrtc N]`: the long run. Ends with 1 where something was found. */
function argument(name: string, standard: number): number {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? standard : Number(process.argv[at + 1]);
}

const log = (line: string): void => void process.stdout.write(`${line}\n`);
const seed = argument('seed', Date.now() % 1_000_000);
const [rtmpStreams, httpRequests, webrtc] = [argument('rtmp', 100_000), argument('http', 20_000), argument('webrtc', 100)];
let sound = true;

if (rtmpStreams + httpRequests > 0) {
  const report = await runCampaign({ seed, rtmpStreams, httpRequests, log });
  log(JSON.stringify(report, undefined, 2));
  const { alive, testimony, inspection, rssBefore, rssAfter } = report;
  sound &&= alive && testimony.missing.length === 0 && testimony.parts > 0 && inspection.faults.length === 0 && rssAfter < rssBefore + 150;
}
if (webrtc > 0) {
  // A hundred hundredths: among them the 10,000 sessions that nobody comes to.
  const report = await runWebrtcCampaign({
    seed,
    datagrams: 1000 * webrtc,
    connections: 5 * webrtc,
    handshakes: webrtc,
    insiders: webrtc,
    attacksPerInsider: 500,
    requests: 50 * webrtc,
    halfOpen: 100 * webrtc,
    end: 'expired',
    log,
  });
  log(JSON.stringify(report, undefined, 2));
  sound &&= isSound(report);
}
log(sound ? 'nothing found' : 'FOUND SOMETHING: see above');
process.exitCode = sound ? 0 : 1;
