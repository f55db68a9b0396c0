import type { IceCredentials } from './transport.ts';
import type { Session, SessionPath } from './session.ts';

/** Finds sessions by user fragment, and by the addresses that were verified. */
export class SessionTable {
  readonly #byUfrag = new Map<string, Session>();
  readonly #paths = new Map<string, SessionPath>();
  readonly #connecting = new Set<Session>();
  readonly #connected = new Set<Session>();

  /** Sessions that wait for ICE and DTLS, the oldest first. */
  get connecting(): ReadonlySet<Session> {
    return this.#connecting;
  }

  /** Sessions that carry media. */
  get connected(): ReadonlySet<Session> {
    return this.#connected;
  }

  /** Whether a session has this user fragment. */
  has(ufrag: string): boolean {
    return this.#byUfrag.has(ufrag);
  }

  add(session: Session): void {
    this.#connecting.add(session);
    this.addUfrag(session);
  }

  /** The session's newest user fragment finds it, besides those before. */
  addUfrag(session: Session): void {
    this.#byUfrag.set(session.local.ufrag, session);
  }

  removeUfrag({ ufrag }: IceCredentials): void {
    this.#byUfrag.delete(ufrag);
  }

  setConnected(session: Session): void {
    this.#connecting.delete(session);
    this.#connected.add(session);
  }

  remove(session: Session): void {
    session.ice.ufrags.forEach((ufrag) => this.#byUfrag.delete(ufrag));
    this.#connecting.delete(session);
    this.#connected.delete(session);
  }

  /** The session whose user fragment begins the user name of a request. */
  byUsername(username: string): Session | undefined {
    const colon = username.indexOf(':');
    return colon < 0 ? undefined : this.#byUfrag.get(username.slice(0, colon));
  }

  path(key: string): SessionPath | undefined {
    return this.#paths.get(key);
  }

  addPath(path: SessionPath): void {
    this.#paths.set(path.link.key, path);
  }

  /** Forgets an address, unless it is another session's by now. */
  removePath(path: SessionPath): void {
    if (this.#paths.get(path.link.key) === path) {
      this.#paths.delete(path.link.key);
    }
  }
}
