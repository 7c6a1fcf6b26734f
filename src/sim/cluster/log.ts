// Logs of simulated programs: a dead one says nothing, and what a living one calls an error is told.

import type { Log, LogFields } from "../../base/index.js";
import type { SimProgram } from "./program.js";

export function watchedLog(
  log: Log,
  onError: (message: string, fields: LogFields) => void,
  known: LogFields = {},
): Log {
  return {
    debug: (message, fields) => log.debug(message, fields),
    info: (message, fields) => log.info(message, fields),
    warn: (message, fields) => log.warn(message, fields),
    error(message, fields) {
      log.error(message, fields);
      onError(message, { ...known, ...fields });
    },
    with: (fields) => watchedLog(log.with(fields), onError, { ...known, ...fields }),
  };
}

export function logOf(program: SimProgram, log: Log): Log {
  const say =
    (level: "debug" | "info" | "warn" | "error") =>
    (message: string, fields?: LogFields): void => {
      if (!program.isDead) log[level](message, fields);
    };
  return {
    ...{ debug: say("debug"), info: say("info"), warn: say("warn"), error: say("error") },
    with: (fields) => logOf(program, log.with(fields)),
  };
}
