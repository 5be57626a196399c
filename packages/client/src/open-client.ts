import { Random, systemClock } from "@everfresh/core";
import { openReplica, type Runtime, webSocketTransport } from "@everfresh/sync";

import { type Client, ReplicaClient } from "./client.ts";
import type { ConnectOptions } from "./connect-options.ts";
import { type ConnectTarget, resolveTarget } from "./connect-target.ts";
import { randomSeed } from "./random-seed.ts";

/**
 * A client whose replica is in this thread, on this runtime.
 * @throws InvalidUrlError, ConnectError as `connect`
 */
export async function openClient(
  target: ConnectTarget,
  options: ConnectOptions,
  runtime: Runtime,
): Promise<Client> {
  const { signal, connectTimeoutMs, store, onStoreError, signatures } = options;
  const { url, transport } = resolveTarget(target, options.transport);
  const replica = await openReplica({
    transport: transport ?? webSocketTransport(url ?? ""),
    runtime,
    clock: systemClock,
    random: new Random(randomSeed()),
    ...(store === undefined ? {} : { store }),
    ...(onStoreError === undefined ? {} : { onStoreError }),
    ...(signatures === undefined ? {} : { signatures }),
    ...(signal === undefined ? {} : { signal }),
    ...(connectTimeoutMs === undefined ? {} : { connectTimeoutMs }),
  });
  return new ReplicaClient(replica);
}
