import type { WallTime } from '../../time.ts';

/** Seconds from 1900, where NTP begins, to 1970. */
const NTP_TO_UNIX_SECONDS = 2_208_988_800;

/** An instant in NTP's 64-bit form: whole seconds since 1900 (modulo 2^32, RFC 5905 section 6) and 2^-32 fractions. */
export type NtpTime = { readonly seconds: number; readonly fraction: number };

/** An instant in NTP's form. */
export function ntpTime(at: WallTime): NtpTime {
  const seconds = Math.floor(at / 1000);
  const fraction = Math.floor(((at - seconds * 1000) / 1000) * 0x1_0000_0000);
  return { seconds: (seconds + NTP_TO_UNIX_SECONDS) % 0x1_0000_0000, fraction };
}

/** The instant of an NTP time of the era that ends in 2036; of the next where its first bit is clear (RFC 4330, section 3). */
export function fromNtpTime(ntp: NtpTime): WallTime {
  const era = ntp.seconds < 0x8000_0000 ? 0x1_0000_0000 : 0;
  return ((ntp.seconds + era - NTP_TO_UNIX_SECONDS) * 1000 + (ntp.fraction * 1000) / 0x1_0000_0000) as WallTime;
}
