// Why a log or a snapshot on disk is refused. All say where, so that a person can look.

import { SwarmError } from "../../base/index.js";

/** What was durable is not what was written. Starting anyway could lose what was acknowledged. */
export class LogDamagedError extends SwarmError {
  readonly file: string;
  readonly offset: number;

  constructor(file: string, offset: number, why: string) {
    super("Internal", `${file} is damaged at byte ${offset}: ${why}`);
    this.file = file;
    this.offset = offset;
  }
}

/** The file was written by a newer version. */
export class NewerFormatError extends SwarmError {
  readonly file: string;
  /** The version that is needed. */
  readonly version: string;

  constructor(file: string, found: number, known: number, version: string) {
    super(
      "FailedPrecondition",
      `${file} has format ${found} and this version reads up to ${known}: version ${version} or newer is needed`,
    );
    this.file = file;
    this.version = version;
  }
}

/** Checksums match, but the key does not open it. */
export class WrongKeyError extends SwarmError {
  readonly file: string;

  constructor(file: string, offset: number, cause: unknown) {
    super("FailedPrecondition", `${file} cannot be opened with this data key (at byte ${offset})`, { cause });
    this.file = file;
  }
}
