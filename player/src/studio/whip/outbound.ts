/** Why the browser sends less than it was asked for; `none` where it does not. */
export type Limitation = 'none' | 'cpu' | 'bandwidth' | 'other';

/** One layer of the picture as it is sent. */
export type OutboundLayer = {
  /** Undefined where there is one layer. */
  readonly rid: string | undefined;
  readonly active: boolean;
  readonly width: number;
  readonly height: number;
  readonly frameRate: number;
  readonly bitrate: number;
  readonly limitation: Limitation;
};

/** What is sent, and how it arrives. Bits per second, milliseconds, 0 to 1. */
export type Outbound = {
  /** Largest first. */
  readonly layers: readonly OutboundLayer[];
  /** Of sound. */
  readonly audioBitrate: number;
  /** All of it, headers and repairs included. */
  readonly bitrate: number;
  readonly roundTrip: number | undefined;
  /** Undefined before the server has told. */
  readonly loss: number | undefined;
  /** What the browser believes the line carries. */
  readonly estimate: number | undefined;
  readonly codec: string | undefined;
  /** What encodes, as the browser calls it. */
  readonly encoder: string | undefined;
  readonly transport: 'udp' | 'tcp' | undefined;
};

/** One row of `getStats()`. */
export type StatsRow = { readonly id: string; readonly type: string; readonly timestamp: number } & Readonly<Record<string, unknown>>;

/** Makes {@link Outbound} of one reading of the statistics and the one before. */
export function readOutbound(rows: readonly StatsRow[], before: readonly StatsRow[]): Outbound {
  const earlier = new Map(before.map((row) => [row.id, row]));
  const rate = (row: StatsRow | undefined, field: string): number => perSecond(row, earlier.get(row?.id ?? ''), field);
  const byId = new Map(rows.map((row) => [row.id, row]));
  const outbound = rows.filter(({ type }) => type === 'outbound-rtp');
  const video = outbound.filter((row) => row['kind'] === 'video');
  const pair = selectedPair(rows, byId);
  const local = byId.get(text(pair?.['localCandidateId']) ?? '');
  const remote = rows.filter(({ type }) => type === 'remote-inbound-rtp');
  const losses = remote.flatMap((row) => number(row['fractionLost']) ?? []);
  const trips = remote.flatMap((row) => number(row['roundTripTime']) ?? []);
  const roundTrip = number(pair?.['currentRoundTripTime']) ?? trips[0];
  const codec = byId.get(text(video[0]?.['codecId']) ?? '');
  const transport = local?.['relayProtocol'] ?? local?.['protocol'];
  return {
    layers: video
      .map((row) => ({
        rid: text(row['rid']),
        active: row['active'] !== false,
        width: number(row['frameWidth']) ?? 0,
        height: number(row['frameHeight']) ?? 0,
        frameRate: rate(row, 'framesEncoded'),
        // What was sent again, or only to probe the line, is none of the picture's.
        bitrate: Math.max(0, rate(row, 'bytesSent') - rate(row, 'retransmittedBytesSent')) * 8,
        limitation: limitation(row['qualityLimitationReason']),
      }))
      .sort((a, b) => lines(b.rid) - lines(a.rid)),
    audioBitrate: outbound.filter((row) => row['kind'] === 'audio').reduce((sum, row) => sum + rate(row, 'bytesSent') * 8, 0),
    bitrate: rate(pair, 'bytesSent') * 8,
    roundTrip: roundTrip === undefined ? undefined : roundTrip * 1_000,
    loss: losses.length === 0 ? undefined : Math.max(...losses),
    estimate: number(pair?.['availableOutgoingBitrate']),
    codec: text(codec?.['mimeType'])?.replace(/^video\//i, ''),
    encoder: text(video.find((row) => row['encoderImplementation'] !== undefined)?.['encoderImplementation']),
    transport: transport === 'udp' || transport === 'tcp' ? transport : undefined,
  };
}

/** A number that grows whenever something comes from the server: the bytes received, and answers to our checks. */
export function heardFrom(rows: readonly StatsRow[]): number {
  return rows
    .filter(({ type }) => type === 'candidate-pair')
    .reduce((sum, row) => sum + (number(row['bytesReceived']) ?? 0) + (number(row['responsesReceived']) ?? 0), 0);
}

function selectedPair(rows: readonly StatsRow[], byId: ReadonlyMap<string, StatsRow>): StatsRow | undefined {
  const named = rows.find(({ type }) => type === 'transport')?.['selectedCandidatePairId'];
  return byId.get(text(named) ?? '') ?? rows.find((row) => row.type === 'candidate-pair' && (row['selected'] === true || (row['nominated'] === true && row['state'] === 'succeeded')));
}

/** Counters begin anew with another session: then there is no rate yet. */
function perSecond(now: StatsRow | undefined, before: StatsRow | undefined, field: string): number {
  const [value, was] = [number(now?.[field]), number(before?.[field])];
  const passed = (now?.timestamp ?? 0) - (before?.timestamp ?? 0);
  return value === undefined || was === undefined || passed <= 0 ? 0 : Math.max(0, ((value - was) * 1_000) / passed);
}

function limitation(value: unknown): Limitation {
  return value === 'cpu' || value === 'bandwidth' || value === 'other' ? value : 'none';
}

/** Layers that send nothing have no size, and others change theirs: their names tell it. */
function lines(rid: string | undefined): number {
  return Number.parseInt(rid ?? '', 10) || 0;
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
