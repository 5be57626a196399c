/** Transports and stores of the page's own, which its worker uses through a `MessagePort`. */
import type { Connection, ReplicaStore, StoredReplica, Transport } from "@everfresh/sync";

import { Caller, type Methods, serveCalls } from "./calls.ts";
import type { StorePlace, TransportPlace } from "./replica-protocol.ts";

interface PageConnection {
  readonly abort: AbortController;
  /** Once it is open. */
  connection: Connection | null;
  frames: AsyncIterator<Uint8Array> | null;
}

/** Lets a worker connect by `transport`. */
export function offerTransport(transport: Transport): TransportPlace & { kind: "page" } {
  const open = new Map<number, PageConnection>();
  const methods: Methods = {
    async open(id: number) {
      const opened: PageConnection = {
        abort: new AbortController(),
        connection: null,
        frames: null,
      };
      open.set(id, opened);
      opened.connection = await transport.open(opened.abort.signal);
      opened.frames = opened.connection[Symbol.asyncIterator]();
      return { value: null };
    },
    async next(id: number) {
      const frame = await open.get(id)?.frames?.next();
      if (frame === undefined || frame.done === true) return { value: null };
      // A copy of its own: others may look at the frame, or at what else is in its memory.
      const value = frame.value.slice();
      return { value, transfer: [value.buffer] };
    },
    send({ id, frame }: { readonly id: number; readonly frame: Uint8Array }) {
      open.get(id)?.connection?.send(frame);
      return { value: null };
    },
    close(id: number) {
      const found = open.get(id);
      open.delete(id);
      found?.abort.abort();
      found?.connection?.close();
      return { value: null };
    },
  };
  return { kind: "page", address: transport.address, port: offer(methods) };
}

/** Lets a worker keep its state in `store`. */
export function offerStore(store: ReplicaStore): StorePlace & { kind: "page" } {
  const methods: Methods = {
    load: async () => ({ value: await store.load() }),
    async save(state: Omit<StoredReplica, "updates">) {
      await store.save(state);
      return { value: null };
    },
    async append(updates: readonly Uint8Array[]) {
      await store.append(updates);
      return { value: null };
    },
  };
  return { kind: "page", port: offer(methods) };
}

/** The worker's view of a transport of its page: frames are asked for one by one. */
export function transportOfPage({ address, port }: TransportPlace & { kind: "page" }): Transport {
  const caller = use(port);
  let opened = 0;
  return {
    address,
    async open(signal) {
      signal.throwIfAborted();
      const id = opened++;
      const close = (): void => void caller.call("close", id);
      signal.addEventListener("abort", close, { once: true });
      await caller.call("open", id);
      signal.throwIfAborted();
      return {
        send: (frame) => void caller.call("send", { id, frame: frame.slice() }),
        close,
        async *[Symbol.asyncIterator]() {
          for (;;) {
            const frame = (await caller.call("next", id)) as Uint8Array | null;
            if (frame === null) return;
            yield frame;
          }
        },
      };
    },
  };
}

/** The worker's view of a store of its page. */
export function storeOfPage({ port }: StorePlace & { kind: "page" }): ReplicaStore {
  const caller = use(port);
  return {
    load: async () => (await caller.call("load", null)) as StoredReplica | null,
    async save({ manifest, snapshot }) {
      // Copies of their own: views would be sent with all of the memory that they are on.
      const own = { manifest: manifest.slice(), snapshot: snapshot.slice() };
      await caller.call("save", own, [own.manifest.buffer, own.snapshot.buffer]);
    },
    async append(updates) {
      await caller.call(
        "append",
        updates.map((bytes) => bytes.slice()),
      );
    },
  };
}

function offer(methods: Methods): MessagePort {
  const { port1, port2 } = new MessageChannel();
  serveCalls(port1, methods);
  port1.start();
  return port2;
}

function use(port: MessagePort): Caller {
  const caller = new Caller(port, () => undefined);
  port.start();
  return caller;
}
