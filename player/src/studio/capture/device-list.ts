/** One device to choose. */
export type Device = { readonly id: string; readonly label: string };

/** The devices there are. Before the person has allowed any, browsers tell neither ids nor names. */
export type Devices = { readonly cameras: readonly Device[]; readonly microphones: readonly Device[] };

/** The devices there are now. */
export async function listDevices(): Promise<Devices> {
  return sortDevices(await navigator.mediaDevices.enumerateDevices());
}

/** The devices by kind. Doubles under the names of the system's defaults are left out: they stand under their own already. */
export function sortDevices(all: readonly Pick<MediaDeviceInfo, 'kind' | 'deviceId' | 'label'>[]): Devices {
  const known = all.filter(({ deviceId }) => deviceId !== '' && deviceId !== 'default' && deviceId !== 'communications');
  const ofKind = (kind: MediaDeviceKind, name: string): readonly Device[] =>
    known.filter((device) => device.kind === kind).map(({ deviceId, label }, index) => ({ id: deviceId, label: label === '' ? `${name} ${index + 1}` : tidy(label) }));
  return { cameras: ofKind('videoinput', 'Camera'), microphones: ofKind('audioinput', 'Microphone') };
}

/** Without the USB ids that Chromium puts behind a name. */
function tidy(label: string): string {
  return label.replace(/ \([0-9a-f]{4}:[0-9a-f]{4}\)$/i, '');
}
