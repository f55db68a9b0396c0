import type { BroadcastId } from '#core/media/frame.ts';
import type { StreamName } from '#core/bus/catalog.ts';
import type { NodeId, NodeInfo } from '#core/bus/node.ts';

/** What there is to play, as the clones' URLs name it. */
export type SteeredBroadcast = { readonly broadcast: BroadcastId; readonly video: readonly string[]; readonly audio: readonly string[] };

/** What a manifest is written for. */
export type Steering = {
  readonly nodes: readonly NodeInfo[];
  /** Who answers. */
  readonly own: NodeId | undefined;
  readonly stream: StreamName;
  /** Undefined while the stream is off air. */
  readonly onAir: SteeredBroadcast | undefined;
  readonly player: 'hls' | 'dash';
  /** Pathways that the player says it uses, the one that counts first. */
  readonly pathways: readonly string[];
  /** The pathway that the player's playlist or MPD has itself, as the first answer to it learned; undefined in the first. */
  readonly base: string | undefined;
  readonly region: string | undefined;
  /** Of signed playback: it goes into the clones' URLs. */
  readonly token: string | undefined;
  /** What comes before that path where no node's URL is known. */
  readonly basePath: string;
  /** 0 to 1: who of equal edges comes first. */
  readonly spread: number;
};
