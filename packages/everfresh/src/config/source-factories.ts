import path from "node:path";
import { systemClock } from "@everfresh/core";
import {
  type BrokerSource,
  cifar10 as openCifar10,
  csv as openCsv,
  type CsvOptions,
  digits as openDigits,
  type DigitsOptions,
  idx as openIdx,
  type IdxOptions,
  imageFolder as openImageFolder,
  type ImageFolderOptions,
  jsonLines as openJsonLines,
  type JsonLinesOptions,
  kafkaSource as openKafka,
  type KafkaSourceOptions,
  mnist as openMnist,
  natsSource as openNats,
  type NatsSourceOptions,
  openQuarantine,
  parquet as openParquet,
  type ParquetOptions,
  type PushOptions,
  pushSource as openPush,
  type PushSource,
  type Quarantine,
  rotated as openRotated,
  type RotationOptions,
  sea as openSea,
  type SeaOptions,
} from "@everfresh/streams";
import type { ConfigContext, SourceFactory } from "./define-model.ts";

/** Images and labels in two IDX files, gzip or not; paths are relative to the configuration file. */
export function idx(options: IdxOptions): SourceFactory {
  return ({ directory }) =>
    openIdx({
      ...options,
      images: path.resolve(directory, options.images),
      labels: path.resolve(directory, options.labels),
    });
}

/** One half of a folder with the four MNIST files under their usual names. */
export function mnist(folder: string, split: "train" | "test"): SourceFactory {
  return ({ directory }) => openMnist(path.resolve(directory, folder), split);
}

/** Binary CIFAR-10 batches, gzip or not, one after another. */
export function cifar10(files: readonly string[]): SourceFactory {
  return ({ directory }) => openCifar10(files.map((file) => path.resolve(directory, file)));
}

/** Procedurally drawn handwritten-looking digits; needs no data. */
export function digits(options?: DigitsOptions): SourceFactory {
  return () => Promise.resolve(openDigits(options));
}

/** Options as a configuration has them: broken rows go to a file, the clock is the machine's. */
export type Configured<Options> = Options extends unknown
  ? Omit<Options, "quarantine" | "clock"> & {
      /**
       * What takes rows that cannot be samples: `true` for the state directory of the run, or the path
       * of a SQLite file, created if missing, relative to the configuration file.
       * @default none: the first such row is an error
       */
      readonly quarantine?: true | string;
    }
  : never;

/** Options of a source that keeps samples until they are in the history. */
export type ConfiguredInbox<Options extends { readonly file: string }> = Options extends unknown
  ? Omit<Options, "quarantine" | "clock" | "file"> & {
      /**
       * Path of the SQLite file in which samples wait, and rows that cannot be samples; created if
       * missing, relative to the configuration file. It belongs to one state directory.
       * @default in the state directory
       */
      readonly inbox?: string;
    }
  : never;

/** Options of {@link push}. */
export type PushConfig = ConfiguredInbox<PushOptions> & {
  /**
   * Who knows it may push and erase samples by HTTP from other machines, in a header
   * `Authorization: Bearer TOKEN`; at least 16 visible ASCII characters. @default only this machine may
   */
  readonly token?: string;
};

/** A table as text, gzip or not: columns of numbers, or typed ones, and one with the class. */
export function csv(options: Configured<CsvOptions>): SourceFactory {
  return async (context) => {
    const file = path.resolve(context.directory, options.file);
    return openCsv({ ...options, ...(await rowsOf(options, context)), file });
  };
}

/** Objects, one per line, gzip or not: a sample each, as a schema of its columns says. */
export function jsonLines(options: Configured<JsonLinesOptions>): SourceFactory {
  return async (context) => {
    const file = path.resolve(context.directory, options.file);
    return openJsonLines({ ...options, ...(await rowsOf(options, context)), file });
  };
}

/** A Parquet file: a sample per row, as a schema of its columns says. */
export function parquet(options: Configured<ParquetOptions>): SourceFactory {
  return async (context) => {
    const file = path.resolve(context.directory, options.file);
    return openParquet({ ...options, ...(await rowsOf(options, context)), file });
  };
}

/** Images in one folder per class. */
export function imageFolder(options: Configured<ImageFolderOptions>): SourceFactory {
  return async (context) => {
    const { quarantine } = await rowsOf(options, context);
    const directory = path.resolve(context.directory, options.directory);
    return openImageFolder({ ...options, quarantine, directory });
  };
}

/** Samples that others push: what opens has `accept`. */
export function push({
  token,
  ...options
}: PushConfig): (context: ConfigContext) => Promise<TokenPushSource> {
  if (token !== undefined && (token.length < TOKEN_LENGTH_MIN || /[^!-~]/.test(token))) {
    throw new TypeError(`A token has ${TOKEN_LENGTH_MIN} visible ASCII characters or more`);
  }
  return async (context) => {
    const source = await openPush({ ...options, ...(await inboxOf(options, context)) });
    return { ...source, token: token ?? null };
  };
}

/** A source that is pushed to, and who may do that. */
export interface TokenPushSource extends PushSource {
  /** What others than this machine have to know; null where they may not. */
  readonly token: string | null;
}

/** Fewer characters could be found by trying. */
const TOKEN_LENGTH_MIN = 16;

/** Messages of a NATS JetStream stream. */
export function natsStream(
  options: ConfiguredInbox<NatsSourceOptions>,
): (context: ConfigContext) => Promise<BrokerSource> {
  return async (context) => openNats({ ...options, ...(await inboxOf(options, context)) });
}

/** Messages of a Kafka topic. */
export function kafkaTopic(
  options: ConfiguredInbox<KafkaSourceOptions>,
): (context: ConfigContext) => Promise<BrokerSource> {
  return async (context) => openKafka({ ...options, ...(await inboxOf(options, context)) });
}

async function rowsOf(
  { quarantine }: { readonly quarantine?: true | string },
  { directory, databaseFile }: ConfigContext,
): Promise<{ readonly quarantine: Quarantine | undefined; readonly clock: typeof systemClock }> {
  if (quarantine === undefined) return { quarantine, clock: systemClock };
  const file = quarantine === true ? databaseFile : path.resolve(directory, quarantine);
  return { quarantine: await openQuarantine({ file, clock: systemClock }), clock: systemClock };
}

async function inboxOf(
  { inbox }: { readonly inbox?: string },
  { directory, databaseFile }: ConfigContext,
): Promise<{
  readonly file: string;
  readonly quarantine: Quarantine;
  readonly clock: typeof systemClock;
}> {
  const file = inbox === undefined ? databaseFile : path.resolve(directory, inbox);
  const quarantine = await openQuarantine({ file, clock: systemClock });
  return { file, quarantine, clock: systemClock };
}

/** The SEA stream, whose classes' border jumps; needs no data. */
export function sea(options?: SeaOptions): SourceFactory {
  return () => Promise.resolve(openSea(options));
}

/** The images of another source, turned from a sample on. */
export function rotated(source: SourceFactory, options: RotationOptions): SourceFactory {
  return async (context) => openRotated(await source(context), options);
}
