/**
 * @nats-io/nats-core keeps the carrier of new connections, TCP or WebSocket, in one variable of its
 * module, which `connect` and `wsconnect` set and which is read some microtasks later. Two calls in
 * the same instant would swap carriers. So attempts begin one after another here: this is the only
 * state of a module in this package, because that one is.
 */
let turn: Promise<unknown> = Promise.resolve();

/** Begins `connect` once every earlier one has chosen its carrier. */
export async function inTurn<T>(connect: () => Promise<T>): Promise<T> {
  const before = turn;
  const chosen: PromiseWithResolvers<void> = Promise.withResolvers();
  turn = chosen.promise;
  await before;
  // A macrotask later the microtasks in which the carrier is chosen are over.
  setTimeout(chosen.resolve, 0);
  return connect();
}
