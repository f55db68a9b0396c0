/** `rtmpPort` as a variable of the environment: `MILLRACE_RTMP_PORT`. */
export function environmentName(key: string): string {
  return `MILLRACE_${words(key).join('_').toUpperCase()}`;
}

/** `rtmpPort` as a flag: `--rtmp-port`. */
export function flagName(key: string): string {
  return `--${words(key).join('-')}`;
}

/** The key among `known` that a mistyped one most likely means; undefined where none is near. */
export function nearest(mistyped: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  // A third of the letters may be wrong: `rtmpPrt` means `rtmpPort`, `volume` means nothing we know.
  let bestDistance = Math.floor(mistyped.length / 3) + 1;
  for (const key of known) {
    const distance = editDistance(mistyped.toLowerCase(), key.toLowerCase());
    if (distance < bestDistance) {
      best = key;
      bestDistance = distance;
    }
  }
  return best;
}

function words(key: string): string[] {
  return key
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(' ');
}

/** Levenshtein distance, one row at a time; a swap of neighbours counts as two. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const change = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
