/**
 * Regenerates packages/engine/src/onnx/schema.ts from ONNX's own protobuf definition. By hand, when
 * ONNX gains something that we need:
 *
 *   pip install onnx                                   # brings onnx/onnx-ml.proto
 *   apt-get install protobuf-compiler                  # brings protoc
 *   npm install --prefix /tmp/plugin @bufbuild/protoc-gen-es@2
 *   node scripts/generate-onnx-schema.ts \
 *     <site-packages>/onnx/onnx-ml.proto /tmp/plugin/node_modules/.bin/protoc-gen-es
 *
 * The plugin writes TypeScript enums, which Node cannot erase; they become const objects here.
 * Comments are dropped: the definition itself is the documentation.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const [definition, plugin] = process.argv.slice(2);
if (definition === undefined || plugin === undefined) {
  console.error("usage: node scripts/generate-onnx-schema.ts ONNX-ML.PROTO PROTOC-GEN-ES");
  process.exit(2);
}

const folder = mkdtempSync(join(tmpdir(), "onnx-schema-"));
try {
  const source = readFileSync(definition, "utf8").replaceAll(/^\s*\/\/.*\n/gm, "");
  writeFileSync(join(folder, "onnx.proto"), source);
  execFileSync("protoc", [
    `--plugin=protoc-gen-es=${plugin}`,
    `--es_out=${folder}`,
    "--es_opt=target=ts",
    "-I",
    folder,
    "onnx.proto",
  ]);
  const generated = readFileSync(join(folder, "onnx_pb.ts"), "utf8");
  const target = join(import.meta.dirname, "../packages/engine/src/onnx/schema.ts");
  writeFileSync(target, withoutEnums(withoutComments(generated)));
} finally {
  rmSync(folder, { recursive: true });
}

/** Keeps the header, which says that the file is generated, and the purity marks. */
function withoutComments(code: string): string {
  return code.replaceAll(/^\s*\/\*\*\n(?:\s*\*.*\n)*?\s*\*\/\n/gm, "").replaceAll(/\n{2,}/g, "\n");
}

/** `export enum X { A = 1 }` becomes a const object and a type of the same name. */
function withoutEnums(code: string): string {
  return code.replaceAll(
    /^export enum (\w+) \{\n([^}]*)\}/gm,
    (_match, name: string, body: string) => {
      const members = body.replaceAll(/(\w+) = (-?\d+),/g, "$1: $2,");
      return (
        `export const ${name} = {\n${members}} as const;\n` +
        `export type ${name} = (typeof ${name})[keyof typeof ${name}];`
      );
    },
  );
}
