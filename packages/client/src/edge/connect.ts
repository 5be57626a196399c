import { RuntimeUnavailableError } from "@everfresh/engine/in-thread";

import type { Client } from "../client.ts";
import type { ConnectOptions } from "../connect-options.ts";
import type { ConnectTarget } from "../connect-target.ts";
import { openClient } from "../open-client.ts";

/**
 * Brings a served model into an edge runtime and keeps it at the newest version. What computes must be
 * given: nothing here needs Node, workers, or to compile anything. Otherwise as in Node.
 *
 * @param target such as wss://models.example/v1/models/digits; http and https addresses are fine too,
 * and so is a way to the model such as `natsTransport({ ... })`
 * @throws InvalidUrlError when it is an address that cannot lead to a model
 * @throws ConnectError when no version has arrived in time, with the last cause
 * @throws RuntimeUnavailableError without `runtime`
 */
export async function connect(
  target: ConnectTarget,
  options: ConnectOptions = {},
): Promise<Client> {
  const { runtime } = options;
  if (runtime !== undefined) return openClient(target, options, runtime);
  throw new RuntimeUnavailableError(
    "An edge runtime has no engine of its own: give connect() a runtime, such as inThreadRuntime() " +
      "of @everfresh/client/edge over a build of onnxruntime-web",
  );
}
