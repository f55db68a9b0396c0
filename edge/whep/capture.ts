import type { WallTime } from '#core/media/time.ts';

/** An instant of the camera and where it lies on the broadcast's timeline. */
export type Capture = { readonly wallTime: WallTime; readonly seconds: number };
