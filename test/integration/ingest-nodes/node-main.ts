// An ingest on NATS in a process of its own: `node node-main.ts <url> <name> <folder>`. Prints its RTMP port.
import { connectNats } from '#core/bus/nats/connect.ts';
import { createLog } from '#core/runtime/log.ts';
import { startStage } from './stage.ts';

const [url = '', node = '', folder = ''] = process.argv.slice(2);
const { log } = createLog({ level: (process.env['LOG'] as 'info' | undefined) ?? 'warn' });
const bus = await connectNats({ url, node, log });
const stage = await startStage(bus, node, folder, log);

process.on('SIGTERM', () => {
  void stage
    .close()
    .then(() => bus.close())
    .then(() => process.exit(0));
});
process.stdout.write(`port ${stage.rtmpPort}\n`);
