import { createSocket } from 'node:dgram';

/**
 * The receiving end of the cost benchmark, in a process of its own: reads datagrams and counts them. Tells its port when it is
 * open and the count when it is asked.
 */

/** As much as the system grants: the sender works in bursts, and what is lost is told. */
const BUFFER = 8 * 1024 * 1024;

const socket = createSocket('udp4');
let packets = 0;
socket.on('message', () => {
  packets += 1;
});
socket.bind(0, '127.0.0.1', () => {
  socket.setRecvBufferSize(BUFFER);
  process.send?.(socket.address().port);
});
process.on('message', () => process.send?.(packets));
process.on('disconnect', () => socket.close());
