// Asks the server in this container whether it can serve; exit code 0 where it can.
const port = process.env.MILLRACE_HTTP_PORT || '8080';
const answer = await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(2000) }).catch(() => undefined);
process.exit(answer?.ok === true ? 0 : 1);
