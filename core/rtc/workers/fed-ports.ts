import type { MessagePort } from 'node:worker_threads';

import type { DatagramEgress, EgressCounts } from '../egress/datagram-egress.ts';
import { createDescriptorEgress } from '../egress/datagram-egress.ts';
import type { PeerLink } from '../ports/peer-link.ts';
import type { PortEvents, TransportPorts } from '../ports/transport-ports.ts';
import { addressOfKey, UdpLink } from '../ports/udp-port.ts';
import type { PortsMessage, WorkerMessage } from './messages.ts';
import { PacketPipe } from './packet-pipe.ts';
import type { PacketRecord } from './packet-records.ts';
import { PipeEgress, PipedTcpLink } from './piped-links.ts';
import type { WorkerCounts, WorkerSetup } from './seats.ts';

/** What a worker's ports are made of. */
export type FedPortsOptions = {
  readonly port: MessagePort;
  readonly setup: WorkerSetup;
  /** Where the server can be reached has changed. */
  readonly addresses: (addresses: readonly string[]) => void;
  readonly counts: () => WorkerCounts;
};

/** How often the other thread is told what was counted. */
const REPORT_MILLIS = 1000;

/** Another thread's ports: packets come from there; what goes out goes straight to the socket where native code can send on it. */
export class FedPorts implements TransportPorts {
  readonly #options: FedPortsOptions;
  readonly #events: PortEvents;
  readonly #pipe: PacketPipe;
  readonly #egress: DatagramEgress;
  /** Keys of TCP connections that sessions have. */
  readonly #connections = new Set<string>();
  readonly #timer: NodeJS.Timeout;
  #isClosed = false;

  constructor(options: FedPortsOptions, events: PortEvents) {
    const { port, setup } = options;
    this.#options = options;
    this.#events = events;
    this.#pipe = new PacketPipe(port, { packet: (record) => this.#packet(record), dropped: (packets) => events.dropped(packets) });
    this.#egress =
      (setup.descriptor === undefined ? undefined : createDescriptorEgress({ descriptor: setup.descriptor, port: setup.ports.udp, family: setup.family })) ??
      new PipeEgress(this.#pipe);
    port.on('message', (message: PortsMessage) => this.#take(message));
    port.on('close', () => this.#shut());
    this.#timer = setInterval(() => this.#post({ kind: 'counts', counts: options.counts() }), REPORT_MILLIS);
    this.#timer.unref();
  }

  get port(): number {
    return this.#options.setup.ports.udp;
  }

  get tcpPort(): number | undefined {
    return this.#options.setup.ports.tcp;
  }

  get tcpConnections(): number {
    return this.#connections.size;
  }

  get egressCounts(): EgressCounts {
    return this.#egress.counts;
  }

  verified({ protocol, key }: PeerLink): void {
    if (protocol === 'tcp' && !this.#connections.has(key)) {
      this.#post({ kind: 'verified', key });
    }
  }

  adopted({ protocol, key }: PeerLink): void {
    if (protocol === 'tcp') {
      this.#connections.add(key);
    }
    this.#post({ kind: 'adopted', key });
  }

  left({ key }: PeerLink): void {
    this.#connections.delete(key);
    // The last packet to a connection that is let go comes first.
    this.#pipe.flush();
    this.#post({ kind: 'left', key });
  }

  tick(): void {}

  close(): Promise<void> {
    if (!this.#isClosed) {
      this.#pipe.flush();
      this.#egress.close();
      this.#post({ kind: 'counts', counts: this.#options.counts() });
      this.#post({ kind: 'gone' });
      this.#shut();
    }
    return Promise.resolve();
  }

  #take(message: PortsMessage): void {
    switch (message.kind) {
      case 'packets':
      case 'taken':
        this.#pipe.receive(message);
        break;
      case 'addresses':
        this.#options.addresses(message.addresses);
        break;
      case 'surrender':
      case 'gone':
        this.#connections.delete(message.key);
        this.#events.gone(message.key);
        break;
      case 'leave':
        this.#egress.close();
        this.#post({ kind: 'gone' });
        break;
    }
  }

  #packet({ key, isForeign, bytes }: PacketRecord): void {
    if (key.startsWith('tcp/')) {
      this.#events.packet(bytes, { key, isForeign, link: () => new PipedTcpLink(key, this.#pipe) }, 'tcp');
    } else {
      this.#events.packet(bytes, { key, isForeign, link: () => new UdpLink(this.#egress, addressOfKey(key)) }, 'udp');
    }
  }

  #shut(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#pipe.close();
    this.#egress.close();
    this.#options.port.close();
  }

  #post(message: WorkerMessage): void {
    if (!this.#isClosed) {
      this.#options.port.postMessage(message);
    }
  }
}
