import { Command, Option } from "commander";
import {
  type Client,
  connect,
  type ConnectTarget,
  httpTransport,
  webSocketUrl,
} from "@everfresh/client";
import type { Source } from "@everfresh/streams";
import { fileReplicaStore } from "@everfresh/sync/node";
import { heldOutDigits } from "../../config/digits-model.ts";
import { UsageError } from "../../errors.ts";
import { startReplicaServer } from "../../http/replica-server.ts";
import { isNatsAddress, natsTransportTo } from "../../nats/nats-address.ts";
import { SEED_DEFAULT } from "../../run/run-goal.ts";
import { readPublicKey } from "../../signing/key-files.ts";
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
  /** File of the credentials for a NATS server. */
  readonly natsCreds?: string;
  /** Files of the public keys whose updates are taken; without any, everybody's are. */
  readonly trust?: readonly string[];
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
        "Over NATS the URL is nats://HOST:4222/MODEL, or nats+ws://HOST:PORT/MODEL by WebSocket. " +
        "--port serves its own health and status; --ratio is the trainer's and has no effect here.",
    )
    .argument("<url>", "the model's address, such as ws://127.0.0.1:7070/v1/models/digits")
    .option("--digits", "score itself on generated digits (of --seed)", false)
    .option("--poll", "follow by plain HTTP requests instead of a WebSocket", false)
    .option("--nats-creds <file>", "credentials for a NATS server, as `nsc` writes them")
    .option("--trust <file...>", "public keys of `keygen`: take only what one of them has signed")
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
  const { version, fingerprint, updatesApplied, rejected, snapshots, ...rest } = model.status();
  const heldOutAccuracy = ownData === null ? null : await scoreReplica(model, ownData);
  say(`version ${version}  fingerprint ${fingerprint}`);
  if (heldOutAccuracy !== null) say(`accuracy on its own data: ${percent(heldOutAccuracy)}`);
  if (options.json) {
    const { scrubs, corruptions, lastFault } = rest;
    const counts = { updatesApplied, rejectedUpdates: rejected, snapshots, scrubs, corruptions };
    const document = { version, fingerprint, heldOutAccuracy, ...counts, lastFault };
    process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
  }
}

/** Connects; `signal` ends the attempt, but not the connection once it stands. */
async function join(
  url: string,
  options: ReplicaCommandOptions,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<Client> {
  const { state, trust } = options;
  const way = await wayTo(url, options);
  const keys = await Promise.all((trust ?? []).map(readPublicKey));
  const attempt = new AbortController();
  const abandon = (): void => attempt.abort(signal.reason);
  signal.addEventListener("abort", abandon);
  try {
    return await connect(way, {
      signal: attempt.signal,
      // What it shows is of the newest version, so predictions must be too.
      mode: "patch",
      ...(state === undefined ? {} : { store: fileReplicaStore(state) }),
      ...(trust === undefined ? {} : { signatures: { required: true, keys } }),
      onStoreError: (error) =>
        terminal.line(`state not kept: ${error instanceof Error ? error.message : String(error)}`),
    });
  } finally {
    signal.removeEventListener("abort", abandon);
  }
}

/** How the URL is followed. */
async function wayTo(
  url: string,
  { poll, natsCreds }: ReplicaCommandOptions,
): Promise<ConnectTarget> {
  if (isNatsAddress(url)) {
    if (poll) throw new UsageError("--poll is plain HTTP; a model on a NATS server needs none");
    return natsTransportTo(url, natsCreds);
  }
  if (natsCreds !== undefined) throw new UsageError("--nats-creds goes with a nats:// address");
  return poll ? httpTransport(webSocketUrl(url).replace(/^ws/, "http")) : url;
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
  let told: string | undefined;
  const show = (): void => {
    const { phase, version, fingerprint, lastFault } = model.status();
    if (lastFault !== null && lastFault.message !== told) say(lastFault.message);
    told = lastFault?.message;
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
  // What only reads files keeps nothing.
  return factory({ directory: process.cwd(), databaseFile: ":memory:" });
}
