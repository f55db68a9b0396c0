/** What people call a rendition: lines of the shorter side, and the frame rate where it is high. */
export function rungLabel(width: number, height: number, frameRate: number): string {
  if (height <= 0) {
    return 'Audio';
  }
  const lines = width > 0 ? Math.min(width, height) : height;
  return frameRate >= 40 ? `${lines}p${Math.round(frameRate)}` : `${lines}p`;
}
