import { EverfreshError } from "@everfresh/core";

/** An address that cannot lead to a model. */
export class InvalidUrlError extends EverfreshError {
  constructor(url: string) {
    super(
      "EF_URL_INVALID",
      `"${url}" is not the address of a model; ` +
        `give one like ws://127.0.0.1:7070/v1/models/digits (or wss, http, https)`,
      { details: { url } },
    );
  }
}

/** An input of another kind than the model takes. */
export class InputKindError extends EverfreshError {
  constructor(message: string) {
    super("EF_INPUT_KIND", message);
  }
}

/** More predictions at once than may wait. */
export class TooManyPredictionsError extends EverfreshError {
  constructor(waiting: number) {
    super(
      "EF_PREDICTIONS_WAITING",
      `${waiting} predictions wait already; wait for them, or use predictBatch()`,
      { details: { waiting } },
    );
  }
}
