/**
 * A live model inside any Node process: it predicts, and it gets better while it does.
 * Usage: node predict.ts ws://127.0.0.1:7070/v1/models/digits [seconds]
 */
import { connect } from "@everfresh/client";

const [url = "ws://127.0.0.1:7070/v1/models/digits", seconds = "10"] = process.argv.slice(2);

await using model = await connect(url);
const blank = new Uint8Array(28 * 28);

for (let second = 0; second < Number(seconds); second++) {
  const { label, probabilities, version } = await model.predict({ image: blank });
  const certainty = Math.max(...probabilities);
  console.log(
    `version ${version}: a blank image is "${label}", ${(certainty * 100).toFixed(1)} % sure`,
  );
  await new Promise((resolve) => setTimeout(resolve, 1000));
}
