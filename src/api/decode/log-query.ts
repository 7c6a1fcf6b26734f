// What of the logs is asked for: docker-api.md §1.8. Refused in Docker's words; its status for them is 500.

import { SwarmError } from "../../base/index.js";
import type { LogReadOptions } from "../../gen/skep/v1/logs.js";
import type { Query } from "./query.js";

export interface LogQuery {
  readonly read: LogReadOptions;
  readonly timestamps: boolean;
  readonly details: boolean;
}

export function decodeLogQuery(query: Query): LogQuery {
  const stdout = query.looseFlag("stdout");
  const stderr = query.looseFlag("stderr");
  if (!stdout && !stderr) throw refusal("Bad parameters: you must choose at least one stream");
  return {
    read: {
      follow: query.looseFlag("follow"),
      tail: tailOf(query.get("tail")),
      since: sinceOf(query.get("since")),
      stdout,
      stderr,
    },
    timestamps: query.looseFlag("timestamps"),
    details: query.looseFlag("details"),
  };
}

function tailOf(text: string): number | undefined {
  if (text === "" || text === "all") return undefined;
  if (/^-\d+$/.test(text)) throw refusal("negative tail values not supported");
  if (!/^\+?\d+$/.test(text)) throw refusal('tail value must be a positive integer or "all"');
  return Math.min(Number(text), Number.MAX_SAFE_INTEGER);
}

/** Seconds since 1970 with a fraction; "" from the beginning. */
function sinceOf(text: string): string {
  if (/^-?0*(\.0*)?$/.test(text)) return "";
  if (!/^-?\d{1,18}(\.\d{1,9})?$/.test(text)) {
    throw refusal(`could not parse since timestamp: ${JSON.stringify(text.slice(0, 100))} is no number of seconds`);
  }
  return text.startsWith("-") ? "" : text;
}

function refusal(text: string): SwarmError {
  return new SwarmError("Unknown", text);
}
