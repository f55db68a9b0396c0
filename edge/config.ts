import { z } from 'zod';

import type { CommonConfig } from '#core/runtime/config/common.ts';
import { portSchema, rewindWindowSchema, switchSchema } from '#core/runtime/config/common.ts';
import { option, type OptionValues } from '#core/runtime/config/option.ts';

const count = z.coerce.number().int().positive();

/** Options of the edge. */
export const edgeOptions = {
  httpPort: option(portSchema.default(8080), 'TCP port for HTTP: pages, playlists, media, the API.'),
  httpsPort: option(portSchema.default(8443), 'TCP port for HTTPS with HTTP/2. Opened when `tlsCert` and `tlsKey` are set.'),
  metricsPort: option(
    portSchema.optional(),
    'TCP port for `/metrics` without a token, on 127.0.0.1 only. Without it the metrics are read on the HTTP port with the API token.',
  ),
  liveWindow: option(
    z.coerce.number().min(12).max(3600).default(30),
    'Seconds that a playlist lists, and so how far back a viewer can go. As much again stays in memory. No effect on latency.',
  ),
  windowMegabytes: option(
    count.default(96),
    'Bound of the memory for one rendition of one broadcast, in MiB. Beyond it the oldest seconds are dropped first.',
  ),
  partHoldBack: option(
    z.coerce.number().min(2).max(20).default(2.5),
    'PART-HOLD-BACK in part targets: how far behind the newest part LL-HLS players stay. The default is 0.5 s; the specification asks for 2 at least and advises 3, which costs 0.1 s and stalls later. Our own player finds its distance itself.',
  ),
  maxConnections: option(count.default(20_000), 'Open HTTP connections in all. Further ones are closed at once.'),
  maxConnectionsPerAddress: option(count.default(5000), 'Open HTTP connections of one address. Not applied to trusted proxies.'),
  maxWaitingRequests: option(count.default(40_000), 'Requests that wait for media to come, in all. Each viewer has about two.'),
  maxWaitingRequestsPerAddress: option(count.default(5000), 'Requests of one address that wait for media to come.'),
  maxFollowedTracks: option(
    count.default(1000),
    'Tracks (renditions of broadcasts) that an edge on NATS subscribes to at a time because somebody watches them. Beyond it those go first that nobody has asked for lately; then requests for further ones get 503. Each takes the memory of `liveWindow`, twice.',
  ),
  maxWhepViewers: option(count.default(2000), 'WebRTC viewers in all, those still connecting included. Further ones get 503 with Retry-After, and LL-HLS.'),
  maxWhepViewersPerAddress: option(count.default(500), 'WebRTC viewers of one address (IPv6: each /64). Further ones get 429 with Retry-After. Behind one address may be a whole campus.'),
  egressWorkers: option(
    z.coerce.number().int().min(0).max(32).default(0),
    'Worker threads that send WebRTC media, each to its share of the viewers. 0: the main thread sends. Set it when WebRTC viewers fill a core (some hundreds at 2 Mbit/s) and the machine has others to spare: the cores less two is a good number. Adds well under a millisecond to the latency.',
  ),
  httpWorkers: option(
    z.coerce.number().int().min(0).max(32).default(0),
    'Worker threads that serve HTTP: playlists, parts and segments of live broadcasts, each to its share of the connections. 0: the main thread does. Set it when viewers of LL-HLS or LL-DASH fill a core (some 800) and the machine has others to spare: the cores less two is a good number. Each thread packages what its own viewers watch, and takes the memory of `liveWindow` for that. Adds well under a millisecond to the latency; where no core is free, tens of them. Needs Linux, or another system that shares a port among threads.',
  ),
  rewindWindow: option(
    rewindWindowSchema.default(7200),
    'Seconds that viewers can go back in a running broadcast, for streams that set none of their own; 0: live only. Kept on disk in the data folder. No effect on latency.',
  ),
  rewindMaxMegabytes: option(
    count.default(20_000),
    'Bound of the disk for the rewind window of one stream that is not recorded, all its renditions together, in MiB. Beyond it the oldest minutes go first.',
  ),
  recording: option(switchSchema.default(true), 'Whether broadcasts are recorded, for streams that do not say so themselves. The demo never is.'),
  recordingDays: option(z.coerce.number().min(0).default(7), 'Days after its end at which a recording is removed; 0: never for its age.'),
  recordingGigabytes: option(
    z.coerce.number().positive().default(50),
    'Bound of the disk for all recordings together, in GiB. Beyond it the oldest are removed; one in progress stops growing when there is no other.',
  ),
  archiveMinFreeMegabytes: option(
    z.coerce.number().int().min(0).default(1024),
    'MiB of the disk that recordings and rewind windows leave free. Before they would take them, the oldest recordings are removed; then nothing more is written. Live goes on.',
  ),
  playerDir: option(z.string().optional(), 'Folder with the built player. Default: `player/dist` of this installation.'),
};

/** What the edge reads of the configuration. */
export type EdgeConfig = OptionValues<typeof edgeOptions> &
  Pick<CommonConfig, 'host' | 'dataDir' | 'publicUrl' | 'trustProxy' | 'tlsCert' | 'tlsKey' | 'streams' | 'streamKeys' | 'ffmpegPath'>;
