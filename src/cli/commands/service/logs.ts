// `skep service logs`
import { oneArgument, verb } from "../../command.js";
import { CliError } from "../../errors.js";
import { text, toggle } from "../../flags/basic.js";

export const logs = verb({
  name: "logs",
  use: "[OPTIONS] SERVICE|TASK",
  about: "Fetch the logs of a service or task",
  args: oneArgument,
  flags: {
    details: toggle("Show extra details provided to logs"),
    follow: toggle("Follow log output", { short: "f" }),
    "no-resolve": toggle("Do not map IDs to Names in output"),
    "no-task-ids": toggle("Do not include task IDs in output"),
    "no-trunc": toggle("Do not truncate output"),
    raw: toggle("Do not neatly format logs"),
    since: text('Show logs since timestamp (e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m" for 42 minutes)'),
    tail: text("Number of lines to show from the end of the logs", { short: "n", shown: '"all"' }),
    timestamps: toggle("Show timestamps", { short: "t" }),
  },
  async run() {
    throw new CliError("todo");
  },
});
