import { createRequire } from 'node:module';

/** C types of the functions we call. Addresses are plain numbers: user space ends below 2^53 on every system we run on. */
export type NativeType = 'void' | 'int' | 'uint' | 'int64_t' | 'size_t' | 'uintptr_t';

/** A C function; arguments and result are numbers (addresses included). */
export type NativeFunction = (...values: number[]) => number;

/** The symbols of this process: Node's own OpenSSL and the C library. */
export type NativeLibrary = {
  /** Binds a function. @throws {Error} where the process has no such symbol. */
  bind(name: string, result: NativeType, parameters: readonly NativeType[]): NativeFunction;
  /** Where a buffer's first byte lies. It does not move while the buffer is alive. */
  addressOf(bytes: Uint8Array): number;
  /** `errno` of the last call; ask before anything else is called. */
  errno(): number;
};

/** What of koffi is used. */
type Koffi = {
  load(path: null): { func(name: string, result: string, parameters: readonly string[]): NativeFunction };
  address(bytes: Uint8Array): bigint;
  errno(): number;
};

/** Layouts written by hand (message headers, OpenSSL's contexts are opaque) hold for these alone. */
const SUPPORTED = process.platform === 'linux' && (process.arch === 'x64' || process.arch === 'arm64');

let loaded: { readonly library?: NativeLibrary; readonly reason: string } | undefined;

/** This process as a native library, or the reason why it cannot be one here. Never throws. Loaded once per thread. */
export function nativeLibrary(): { readonly library?: NativeLibrary; readonly reason: string } {
  loaded ??= load();
  return loaded;
}

function load(): { readonly library?: NativeLibrary; readonly reason: string } {
  if (!SUPPORTED) {
    return { reason: `${process.platform} on ${process.arch}` };
  }
  try {
    // Asked for only here, so that a system without a build of it starts all the same.
    const koffi = createRequire(import.meta.url)('koffi') as Koffi;
    const self = koffi.load(null);
    return {
      reason: '',
      library: {
        bind: (name, result, parameters) => self.func(name, result, parameters),
        addressOf: (bytes) => Number(koffi.address(bytes)),
        errno: () => koffi.errno(),
      },
    };
  } catch (error) {
    return { reason: error instanceof Error ? error.message : String(error) };
  }
}
