import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { SourceUnreadableError } from "../errors.ts";
import { idx } from "./idx.ts";
import type { Source } from "./source.ts";

/** Which part of a data set: what to learn from, or what is held out. */
export type Split = "train" | "test";

const PREFIXES: { readonly [S in Split]: string } = { train: "train", test: "t10k" };

const USUAL_NAMES =
  "train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and" +
  " t10k-labels-idx1-ubyte, each plain or with .gz (train-images.idx3-ubyte is fine too)";

/**
 * One split of a directory with the four MNIST files under their usual names; Fashion-MNIST, KMNIST
 * and others come in the same form.
 * @throws SourceUnreadableError when the directory or one of the split's two files is missing
 * @throws the errors of {@link idx} for what is wrong inside the files
 */
export async function mnist(directory: string, split: Split): Promise<Source> {
  const present = await fileNames(directory);
  const find = (stem: string, ending: string): string => {
    const candidates = [`${stem}-${ending}`, `${stem}.${ending}`].flatMap((n) => [n, `${n}.gz`]);
    const found = candidates.find((candidate) => present.has(candidate));
    if (found !== undefined) return join(directory, found);
    throw new SourceUnreadableError(
      `"${directory}" has no ${stem}-${ending}[.gz]; a data directory holds ${USUAL_NAMES}`,
      { path: directory },
    );
  };
  const prefix = PREFIXES[split];
  return idx({
    images: find(`${prefix}-images`, "idx3-ubyte"),
    labels: find(`${prefix}-labels`, "idx1-ubyte"),
    name: `mnist-${split}`,
  });
}

async function fileNames(directory: string): Promise<ReadonlySet<string>> {
  try {
    return new Set(await readdir(directory));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SourceUnreadableError(
      `Cannot read data directory "${directory}" (${reason}); it holds ${USUAL_NAMES}`,
      { cause, path: directory },
    );
  }
}
