import { Command, Option } from "commander";
import { writeKeyPair } from "../../signing/key-files.ts";
import { addJsonOption } from "../options.ts";
import { terminalOn } from "../terminal.ts";

interface KeygenCommandOptions {
  readonly json: boolean;
  readonly output: string;
}

/** `everfresh keygen`: a pair of keys to sign updates with. */
export function keygenCommand(): Command {
  const command = new Command("keygen")
    .summary("make a pair of keys to sign updates with")
    .description(
      "Makes a new pair of Ed25519 keys: NAME.key, which signs and which nobody else may read, and " +
        "NAME.pub, which replicas trust. `run --signing-key NAME.key` signs everything that it " +
        "publishes; `replica --trust NAME.pub` takes nothing else. Existing files stay as they are.",
    )
    .addOption(
      new Option("-o, --output <name>", "path of both files, without .key and .pub").default(
        "everfresh-signing",
      ),
    );
  addJsonOption(command);
  return command.action(async ({ output, json }: KeygenCommandOptions) => {
    const pair = await writeKeyPair(output);
    const terminal = terminalOn(process.stderr);
    terminal.line(`wrote ${pair.privateKeyFile}: keep it secret, it signs`);
    terminal.line(`wrote ${pair.publicKeyFile}: give it to replicas, they trust key ${pair.keyId}`);
    if (json) process.stdout.write(`${JSON.stringify(pair, null, 2)}\n`);
  });
}
