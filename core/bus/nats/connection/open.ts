import { JetStreamApiCodes, JetStreamApiError, jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import { connect, errors, type NatsConnection } from '@nats-io/transport-node';

import { millis, type Millis } from '../../../media/time.ts';
import { MillraceError, messageOf } from '../../../runtime/errors.ts';
import type { ServersAndCredentials } from './credentials.ts';

/** Dialling and greeting of one server may take so long. */
const DIAL = millis(3000);
const FIRST_WAIT = millis(100);
const LONGEST_WAIT = millis(2000);
/** JetStream may take so long to answer what it is asked about. */
const ANSWER = millis(2000);
/** A server without JetStream says so at once; one that is about to start it says the same. */
const MISSING = millis(1000);
const AGAIN = millis(250);
/** A client that was not asked for its patience so long has been connected meanwhile. */
const NEW_LOSS = millis(8000);

/**
 * Opens one connection. From then on the client dials for ever when it is lost: at once, after 100 ms, then ever more seldom up to every 2 s, each time by a
 * quarter more or less.
 *
 * @throws {MillraceError} `nats/unauthorized`, `nats/tls`, `nats/unreachable`.
 */
export async function openConnection(given: ServersAndCredentials, name: string, noEcho: boolean): Promise<NatsConnection> {
  const patience = createPatience();
  const dialling = { ...given, name, noEcho, timeout: DIAL };
  try {
    // What refuses us is told at once. The lasting connection learns of a cluster's other servers while it dials, and would go round them for ever.
    await (await connect({ ...dialling, reconnect: false, ignoreClusterUpdates: true })).close();
    return await connect({
      ...dialling,
      reconnect: true,
      maxReconnectAttempts: -1,
      reconnectDelayHandler: patience,
      // A server that was configured wrong may be put right.
      ignoreAuthErrorAbort: true,
      pingInterval: 2000,
      maxPingOut: 2,
    });
  } catch (error) {
    throw explained(error, given.servers);
  }
}

/** The client asks several times before each dialling: the answer grows with the time since the loss, not with the questions. */
function createPatience(): () => number {
  let lostAt = -Infinity;
  let askedAt = -Infinity;
  return () => {
    const now = performance.now();
    if (now - askedAt > NEW_LOSS) {
      lostAt = now;
    }
    askedAt = now;
    return Math.min(Math.max((now - lostAt) / 2, FIRST_WAIT), LONGEST_WAIT) * (0.75 + Math.random() / 2);
  };
}

/**
 * The face by which registry and leases are kept. Waits for a cluster that has just started and has not chosen yet who leads.
 *
 * @throws {MillraceError} `nats/no-jetstream`.
 */
export async function openJetStream(connection: NatsConnection, limit: Millis): Promise<JetStreamManager> {
  const startedAt = performance.now();
  for (;;) {
    try {
      return await jetstreamManager(connection, { timeout: ANSWER });
    } catch (error) {
      const isMissing = messageOf(error) === 'jetstream is not enabled' || (error instanceof JetStreamApiError && error.code === JetStreamApiCodes.JetStreamNotEnabledForAccount);
      if (performance.now() - startedAt > (isMissing ? MISSING : limit) || connection.isClosed()) {
        throw new MillraceError(
          'nats/no-jetstream',
          `the NATS server ${connection.getServer()} has no JetStream for this account, in which Millrace keeps registry and leases: start it with -js, or allow the account to use it`,
          { cause: error },
        );
      }
      await new Promise((resolve) => setTimeout(resolve, AGAIN));
    }
  }
}

function explained(error: unknown, servers: string | readonly string[]): MillraceError {
  const where = [servers].flat().join(', ');
  const text = `${messageOf(error)} ${causes(error).map(messageOf).join(' ')}`;
  if (error instanceof errors.AuthorizationError || error instanceof errors.UserAuthenticationExpiredError || /authorization|authentication/i.test(text)) {
    return new MillraceError('nats/unauthorized', `the NATS server at ${where} refuses who this process says it is: check user and password, token, NKEY or credentials file`, { cause: error });
  }
  if (/tls|certificate|self[- ]signed|altname|ssl|EPROTO|unable to verify/i.test(`${text} ${causes(error).map(codeOf).join(' ')}`)) {
    return new MillraceError('nats/tls', `no TLS connection to the NATS server at ${where}: ${messageOf(error)}`, { cause: error });
  }
  return new MillraceError('nats/unreachable', `no NATS server answers at ${where}: ${messageOf(error)}`, { cause: error });
}

/** An error and those that led to it. */
function causes(error: unknown): readonly unknown[] {
  const all: unknown[] = [];
  for (let one: unknown = error; one instanceof Error && all.length < 5; one = one.cause) {
    all.push(one);
  }
  return all;
}

function codeOf(error: unknown): string {
  return String((error as { readonly code?: unknown }).code ?? '');
}
