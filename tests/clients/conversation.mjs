// How a script talks with the test that started it: a line of JSON each way, over standard output and input.
import { createInterface } from 'node:readline';

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

async function heard() {
  const { value, done } = await lines.next();
  if (done) throw new Error('the test has gone');
  return JSON.parse(value);
}

// What the test wants tried, and with which registration.
export const task = await heard();

// Have the person open an address; where their browser ends up, which is not the broker any more.
export async function visit(address) {
  console.log(JSON.stringify({ visit: String(address) }));
  return new URL((await heard()).landed);
}

// The last word.
export function done(found) {
  console.log(JSON.stringify({ done: found }));
  process.exit(0);
}

// The client's private key, as the library wants it.
export async function privateKey() {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
  return crypto.subtle.importKey('jwk', task.private_jwk, algorithm, false, ['sign']);
}

// The error with which a call must fail.
export async function refusal(call) {
  try {
    await call();
  } catch (error) {
    return error.error ?? error.cause?.[0]?.parameters?.error ?? error.code ?? String(error);
  }
  throw new Error('nothing was refused');
}
