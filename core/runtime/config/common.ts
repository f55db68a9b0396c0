import { z } from 'zod';

import { option, type OptionValues } from './option.ts';

const bitrateForm = { error: 'must be bits per second, or a number with k or M, like 2.5M' };

/** One rung of a ladder that a configuration names. */
const rungSchema = z.strictObject({
  height: z.coerce.number().int().min(144).max(4320),
  /** Bits per second, or with a suffix: `2.5M`, `700k`. */
  bitrate: z.union([z.number().positive(), z.string().regex(/^\d+(\.\d+)?[kM]?$/, bitrateForm)], bitrateForm),
});

/** `auto`: by the machine's speed; `source`: pass everything through and encode nothing; or rungs, best first. */
export const ladderSchema = z.union([z.enum(['auto', 'source']), z.array(rungSchema).min(1).max(8)]);

/** A ladder as configured. */
export type LadderSetting = z.output<typeof ladderSchema>;

/** Text from environment and flags: `on/off`, `true/false`, `1/0`, `yes/no`. */
export const switchSchema = z.union(
  [
    z.boolean(),
    z.enum(['on', 'off', 'true', 'false', '1', '0', 'yes', 'no']).transform((text) => ['on', 'true', '1', 'yes'].includes(text)),
  ],
  { error: 'must be on or off' },
);

/** Seconds of a rewind window; 0 turns it off. Bounded by what an index in memory may hold. */
export const rewindWindowSchema = z.coerce.number().int().min(0).max(86_400);

/** What a configuration says of one stream. What is absent is as for all streams. */
export const streamSchema = z.strictObject({
  key: z.string(),
  ladder: ladderSchema.optional(),
  rewindWindow: rewindWindowSchema.optional(),
  recording: switchSchema.optional(),
});

/** A stream as configured. */
export type StreamSetting = z.output<typeof streamSchema>;

/** A TCP or UDP port; 0 lets the system choose (for tests). */
export const portSchema = z.coerce.number().int().min(0).max(65_535);

/** Options that more than one stage reads. */
export const commonOptions = {
  host: option(z.string().default('::'), 'Address to listen on. `::` takes IPv4 and IPv6; `127.0.0.1` this machine only.'),
  dataDir: option(z.string().default('./data'), 'Folder for everything that outlives a restart: tokens, the demo key, what was given out. Made where missing.'),
  publicUrl: option(
    z.url().optional(),
    'URL under which viewers reach this server, base path included, e.g. `https://live.example.com/tv`. Default: whatever the request says.',
    { example: 'https://live.example.com/tv' },
  ),
  publicHost: option(z.string().optional(), 'Host name or address to advertise to broadcasters and WebRTC viewers. Default: the host of `publicUrl`, else this machine\'s first address.', {
    example: 'live.example.com',
  }),
  trustProxy: option(
    z.union([switchSchema, z.string()]).default(false),
    'Whether to believe `X-Forwarded-For` and `X-Forwarded-Proto`: `on` behind one reverse proxy, or a comma-separated list of proxies\' addresses.',
  ),
  tlsCert: option(z.string().optional(), 'PEM file with the certificate chain. With `tlsKey` it opens HTTPS (HTTP/2) and RTMPS.', {
    example: '/etc/millrace/cert.pem',
  }),
  tlsKey: option(z.string().optional(), 'PEM file with the private key of `tlsCert`.', { example: '/etc/millrace/key.pem' }),
  streams: option(z.array(streamSchema).default([]), 'Streams that may be published, each with its `key` (`<stream>_<secret>`) and, optionally, its `ladder`, `rewindWindow` and `recording`.', {
    secret: true,
    example: "[{ key: main_put-16-characters-or-more-here, ladder: [{ height: 720, bitrate: 2.5M }], rewindWindow: 3600, recording: false }]",
  }),
  streamKeys: option(
    z.union([z.array(z.string()), z.string().transform((text) => text.split(',').map((key) => key.trim()).filter(Boolean))]).default([]),
    'Stream keys that may publish, comma-separated: the short form of `streams`.',
    { secret: true, example: 'main_put-16-characters-or-more-here' },
  ),
  ladder: option(ladderSchema.default('auto'), 'Ladder of streams that set none of their own: `auto`, `source`, or a list of rungs.'),
  ffmpegPath: option(z.string().min(1).default('ffmpeg'), 'Command or path of ffmpeg, 5.1 or newer with libx264: it encodes renditions, and makes pictures of streams.'),
};

/** Values of {@link commonOptions}. */
export type CommonConfig = OptionValues<typeof commonOptions>;

/** What is wrong between options that are each valid. */
export function checkCommon({ tlsCert, tlsKey }: Pick<CommonConfig, 'tlsCert' | 'tlsKey'>): readonly string[] {
  return (tlsCert === undefined) === (tlsKey === undefined) ? [] : [`${tlsCert === undefined ? 'tlsKey: needs tlsCert' : 'tlsCert: needs tlsKey'} beside it`];
}
