import { publishNatively } from '#test/support/native-webrtc.ts';

/** An honest publisher over WHIP, with the URL and the key as arguments, until it is killed: in a process of its own, which no attack holds up. */
const [url = '', key = ''] = process.argv.slice(2);
await publishNatively({ url, key, width: 160, height: 90 });
