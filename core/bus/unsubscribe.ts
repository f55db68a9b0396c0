/** Takes a subscription back. Idempotent. */
export type Unsubscribe = () => void;
