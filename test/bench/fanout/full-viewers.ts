import { publishNatively, watchNatively, type NativeViewer } from '#test/support/native-webrtc.ts';

/** What the parent asks of the full viewers' process. */
export type FullCommand = { readonly kind: 'watch'; readonly count: number } | { readonly kind: 'report' };

/** What libwebrtc says of all viewers together. */
export type FullReport = {
  readonly viewers: number;
  /** Viewers that have shown a picture. */
  readonly playing: number;
  readonly pictures: number;
  readonly packetsReceived: number;
  readonly packetsLost: number;
  readonly nacks: number;
  readonly freezes: number;
};

/**
 * Full viewers: libwebrtc itself, which asks again, decodes and plays, but knows no H.264. So the process publishes VP8 and Opus over WHIP
 * first.
 */
const [whip = '', whep = '', key = ''] = process.argv.slice(2);
const publisher = await publishNatively({ url: whip, key });
const viewers: NativeViewer[] = [];

async function report(): Promise<FullReport> {
  const stats = await Promise.all(viewers.map((viewer) => viewer.stats()));
  const inbound = stats.flat().filter(({ type }) => type === 'inbound-rtp');
  const sum = (name: string): number => inbound.reduce((total, stat) => total + Number(stat[name] ?? 0), 0);
  return {
    viewers: viewers.length,
    playing: viewers.filter(({ pictures }) => pictures > 0).length,
    pictures: viewers.reduce((total, { pictures }) => total + pictures, 0),
    packetsReceived: sum('packetsReceived'),
    packetsLost: sum('packetsLost'),
    nacks: sum('nackCount'),
    freezes: sum('freezeCount'),
  };
}

async function obey(command: FullCommand): Promise<void> {
  if (command.kind === 'watch') {
    while (viewers.length < command.count) {
      viewers.push(await watchNatively(whep, { look: false }));
    }
  }
  process.send?.(await report());
}

process.on('message', (command) => void obey(command as FullCommand));
process.on('disconnect', () => {
  void publisher.stop().finally(() => process.exit(0));
});
process.send?.({});
