import { z } from 'zod';

import { portSchema } from '#core/runtime/config/common.ts';
import { option, type OptionValues } from '#core/runtime/config/option.ts';

const seconds = (least: number, most: number, standard: number) => z.coerce.number().min(least).max(most).default(standard);
const count = (least: number, most: number, standard: number) => z.coerce.number().int().min(least).max(most).default(standard);

/** Options of RTMP ingest. */
export const rtmpOptions = {
  rtmpPort: option(portSchema.default(1935), 'TCP port on which broadcasters reach RTMP.'),
  rtmpsPort: option(portSchema.default(1936), 'TCP port on which broadcasters reach RTMPS; open where `tlsCert` and `tlsKey` are set.'),
  rtmpMaxMessageBytes: option(
    count(65_536, 16_777_215, 8_388_608),
    'Largest RTMP message taken, in bytes: it bounds one picture. A connection holds at most twice as much in unfinished messages.',
  ),
  rtmpMaxChunkStreams: option(count(4, 4096, 32), 'Chunk streams that one RTMP connection may open. Encoders use three to six.'),
  rtmpMaxUnauthorisedBytes: option(
    count(8_192, 16_777_216, 262_144),
    'Bytes that an RTMP connection may send before its stream key has been accepted.',
  ),
  rtmpHandshakeTimeout: option(seconds(1, 120, 10), 'Seconds from connecting until the stream key has been accepted; after that the connection is closed.'),
  rtmpIdleTimeout: option(seconds(2, 600, 30), 'Seconds without a byte from an RTMP publisher after which its connection is closed.'),
  rtmpMaxConnectionsPerAddress: option(count(1, 100_000, 32), 'RTMP and RTMPS connections that one address may hold at a time.'),
  rtmpMaxConnections: option(count(1, 100_000, 1000), 'RTMP and RTMPS connections in all.'),
};

/** Values of {@link rtmpOptions}. */
export type RtmpConfig = OptionValues<typeof rtmpOptions>;
