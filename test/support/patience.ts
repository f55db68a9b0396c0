import { vi } from 'vitest';

/** Milliseconds after which a wait is given up where the test names no bound of its own: as for `expect.poll`, a busy machine takes its time. */
const LIMIT = 30_000;

const { waitFor } = vi;

vi.waitFor = (callback, options) => waitFor(callback, typeof options === 'number' ? options : { timeout: LIMIT, ...options });
