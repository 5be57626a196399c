import { Command, Option } from "commander";
import { type Client, connect, httpTransport, webSocketUrl } from "@everfresh/client";
import type { Source } from "@everfresh/streams";
import { fileReplicaStore } from "@everfresh/sync/node";
import { heldOutDigits } from "../../config/digits-model.ts";
import { startReplicaServer } from "../../http/replica-server.ts";
import { SEED_DEFAULT } from "../../run/run-goal.ts";
import { interruptSignal, untilAborted } from "../interrupt.ts";
import { addCommonOptions, type CommonOptions } from "../options.ts";
import { scoreNowAndThen, scoreReplica } from "../replica-score.ts";
import { percent, type Terminal, terminalOn } from "../terminal.ts";

const SHOW_EVERY_MS = 500; // a person's pace

interface ReplicaCommandOptions extends CommonOptions {
  /** Score on generated digits. */
  readonly digits: boolean;
  readonly host: string;
  /** By plain HTTP. */
  readonly poll: boolean;
  /** Results and errors only. */
  readonly quiet: boolean;
}

/** `everfresh replica URL`: a live copy of a model that knows nothing but the address. */
export function replicaCommand(): Command {
  const command = new Command("replica")
    .summary("join a model and follow its updates, knowing nothing but its URL")
    .description(
      "Joins a model and follows its updates, knowing nothing but its URL. Prints its version and " +
        "fingerprint as it learns, and with --data its own accuracy there. It runs until Ctrl-C; " +
        "with --steps it ends after so many updates. --state keeps what it has in a directory: it " +
        "starts from there, without the trainer too. --poll follows by plain HTTP, through caches. " +
        "--port serves its own health and status; --ratio is the trainer's and has no effect here.",
    )
    .argument("<url>", "the model's address, such as ws://127.0.0.1:7070/v1/models/digits")
    .option("--digits", "score itself on generated digits (of --seed)", false)
    .option("--poll", "follow by plain HTTP requests instead of a WebSocket", false)
    .addOption(new Option("--host <address>", "address for --port").default("127.0.0.1"))
    .addOption(new Option("--quiet", "print results and errors only").default(false));
  addCommonOptions(command);
  return command.action(joinAndFollow);
}

async function joinAndFollow(url: string, options: ReplicaCommandOptions): Promise<void> {
  const terminal = terminalOn(process.stderr);
  if (options.ratio !== undefined) {
    terminal.line("--ratio has no effect on a replica: the trainer decides what an update carries");
  }
  using interrupt = interruptSignal();
  const ownData = await openOwnData(options);
  await using model = await join(url, options, terminal, interrupt.signal);
  const say = (text: string): void => {
    if (!options.quiet) terminal.line(text);
  };
  const { name, target } = model.manifest;
  say(`joined ${name}, ${target.count} classes, at version ${model.status().version}`);
  const server =
    options.port === undefined
      ? null
      : await startReplicaServer({ host: options.host, port: options.port, model });
  if (server !== null) say(`status at ${server.url}`);
  try {
    await follow(model, options, ownData, say, terminal, interrupt.signal);
  } finally {
    await server?.close();
  }
  const { version, fingerprint, updatesApplied, rejected, snapshots } = model.status();
  const heldOutAccuracy = ownData === null ? null : await scoreReplica(model, ownData);
  say(`version ${version}  fingerprint ${fingerprint}`);
  if (heldOutAccuracy !== null) say(`accuracy on its own data: ${percent(heldOutAccuracy)}`);
  if (options.json) {
    const counts = { updatesApplied, rejectedUpdates: rejected, snapshots };
    const document = { version, fingerprint, heldOutAccuracy, ...counts };
    process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
  }
}

/** Connects; `signal` ends the attempt, but not the connection once it stands. */
async function join(
  url: string,
  { state, poll }: ReplicaCommandOptions,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<Client> {
  const attempt = new AbortController();
  const abandon = (): void => attempt.abort(signal.reason);
  signal.addEventListener("abort", abandon);
  try {
    return await connect(url, {
      signal: attempt.signal,
      // What it shows is of the newest version, so predictions must be too.
      mode: "patch",
      ...(state === undefined ? {} : { store: fileReplicaStore(state) }),
      ...(poll ? { transport: httpTransport(webSocketUrl(url).replace(/^ws/, "http")) } : {}),
      onStoreError: (error) =>
        terminal.line(`state not kept: ${error instanceof Error ? error.message : String(error)}`),
    });
  } finally {
    signal.removeEventListener("abort", abandon);
  }
}

/** Shows versions as they come, until `signal`, the wanted number of updates or the end. */
async function follow(
  model: Client,
  { steps = Infinity, quiet }: ReplicaCommandOptions,
  ownData: Source | null,
  say: (text: string) => void,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const stop = new AbortController();
  const done = AbortSignal.any([signal, stop.signal]);
  const scoring =
    quiet || ownData === null ? null : scoreNowAndThen(model, ownData, terminal, done);
  const untilVersion = model.status().version + steps;
  let shown = "";
  const show = (): void => {
    const { phase, version, fingerprint } = model.status();
    const text = `version ${version}  fingerprint ${fingerprint}${phase === "live" ? "" : `  ${phase}`}`;
    if (text !== shown) say(text);
    shown = text;
  };
  show();
  const timer = setInterval(show, SHOW_EVERY_MS);
  for await (const { phase, version } of untilAborted(model.states(), done)) {
    if (phase === "closed" || version >= untilVersion) break;
  }
  clearInterval(timer);
  stop.abort();
  await scoring;
}

async function openOwnData({ data, digits, seed }: ReplicaCommandOptions): Promise<Source | null> {
  if (data === undefined && !digits) return null;
  const factory = heldOutDigits({
    seed: seed ?? SEED_DEFAULT,
    ...(data === undefined ? {} : { data }),
  });
  return factory({ directory: process.cwd() });
}
