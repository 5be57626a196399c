import type { Client } from "./client.ts";
import type { ConnectOptions } from "./connect-options.ts";
import type { ConnectTarget } from "./connect-target.ts";
import { engineRuntime } from "./engine-runtime.ts";
import { openClient } from "./open-client.ts";

/**
 * Brings a served model into this process and keeps it at the newest version, through lost
 * connections and server restarts, without ever interrupting predictions. With a store that has a
 * version it resolves with that one at once, and catches up as soon as it can.
 *
 * @param target such as ws://127.0.0.1:7070/v1/models/digits; http and https addresses are fine too,
 * and so is a way to the model such as `natsTransport({ ... })`
 * @throws InvalidUrlError when it is an address that cannot lead to a model
 * @throws ConnectError when no version has arrived in time, with the last cause
 * @throws UpdateSignatureError when the first one is not signed as `signatures` asks for
 * @example
 * await using model = await connect("ws://127.0.0.1:7070/v1/models/digits");
 * const { label, version } = await model.predict({ image });
 */
export async function connect(
  target: ConnectTarget,
  options: ConnectOptions = {},
): Promise<Client> {
  const { threads, mode, runtime } = options;
  const engine = engineRuntime({
    ...(threads === undefined ? {} : { threads }),
    ...(mode === undefined ? {} : { mode }),
  });
  return openClient(target, options, runtime ?? engine);
}
