/**
 * Watches any LL-DASH stream with SegmentTimeline and tells what breaks a rule: `node test/conformance/lldash/main.ts <manifest> [seconds]`.
 * Exit code 1 where something does.
 */
import { checkObservation } from './check.ts';
import { observe } from './observe.ts';

const [url, seconds = '30'] = process.argv.slice(2);
if (url === undefined || !URL.canParse(url) || !(Number(seconds) > 0)) {
  process.stderr.write('usage: node test/conformance/lldash/main.ts <URL of a manifest> [seconds, default 30]\n');
  process.exit(2);
}
const observer = await observe(url);
await new Promise((resolve) => setTimeout(resolve, Number(seconds) * 1000));
const report = checkObservation(await observer.finish());
process.stdout.write(report.findings.length === 0 ? 'every rule is kept\n' : `${report.toString()}\n`);
process.exitCode = report.findings.length === 0 ? 0 : 1;
