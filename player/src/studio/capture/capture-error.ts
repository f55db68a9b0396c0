/** Why a device cannot be had. */
export type CaptureFailure = 'denied' | 'missing' | 'busy' | 'cancelled' | 'unsupported' | 'other';

/** Why there is no picture or sound from a device, from what the browser threw (Media Capture and Streams, 10.2; Screen Capture, 5.1). */
export function captureFailure(error: unknown, source: 'device' | 'screen'): CaptureFailure {
  switch (error instanceof Error || error instanceof DOMException ? error.name : '') {
    case 'NotAllowedError':
      // Who closes the browser's own picker has changed their mind.
      return source === 'screen' ? 'cancelled' : 'denied';
    case 'SecurityError':
      return 'denied';
    case 'NotFoundError':
    case 'OverconstrainedError':
      return 'missing';
    case 'NotReadableError':
    case 'AbortError':
      return 'busy';
    case 'TypeError':
    case 'NotSupportedError':
      return 'unsupported';
    default:
      return 'other';
  }
}
