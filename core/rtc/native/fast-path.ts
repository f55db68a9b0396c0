/** Whether native code may be used: `auto` where it works, `off` never. The value of `rtcFastPath`. */
export type FastPath = 'auto' | 'off';
