import { readSettings } from './settings.ts';
import type { Settings } from './settings.ts';

const settingsName = 'millrace.studio';
const keyName = 'millrace.studio.key';

/** What the device remembers. Browsers that keep nothing (private windows, blocked storage) begin anew each time. */
export const memory = {
  settings(): Settings {
    return readSettings(read(settingsName));
  },
  keepSettings(settings: Settings): void {
    write(settingsName, JSON.stringify(settings));
  },
  /** The stream key; only where the person asked for it to be kept. */
  key(): string | undefined {
    return read(keyName) ?? undefined;
  },
  /** Keeps the key, or forgets it. */
  keepKey(key: string | undefined): void {
    write(keyName, key);
  },
};

function read(name: string): string | null {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

function write(name: string, value: string | undefined): void {
  try {
    if (value === undefined) {
      localStorage.removeItem(name);
    } else {
      localStorage.setItem(name, value);
    }
  } catch {
    // Nothing is kept then.
  }
}
