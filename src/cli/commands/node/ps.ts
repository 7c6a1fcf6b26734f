// `skep node ps`: the tasks on nodes, those of the asked one when none is named.
import type { Node, Task } from "../../../api/types.js";
import { filtersParam, segment } from "../../client.js";
import { anyArguments, verb } from "../../command.js";
import { CliError } from "../../errors.js";
import { printTasks, taskFlags, taskTableOptions } from "../tasks.js";
import { resolveNode } from "./self.js";

export const ps = verb({
  name: "ps",
  use: "[OPTIONS] [NODE...]",
  about: "List tasks running on one or more nodes, defaults to current node",
  args: anyArguments,
  flags: taskFlags,
  async run({ flags, args, client, world }) {
    const failures: string[] = [];
    const tasks: Task[] = [];
    for (const reference of args.length === 0 ? ["self"] : args) {
      try {
        const { ID } = await client.get<Node>(`/nodes/${segment(await resolveNode(reference, client))}`);
        const filters = { ...flags.filter, node: [...(flags.filter?.["node"] ?? []), ID] };
        tasks.push(...(await client.get<readonly Task[]>("/tasks", { query: { filters: filtersParam(filters) } })));
      } catch (error) {
        if (!(error instanceof CliError)) throw error;
        failures.push(error.message);
      }
    }
    if (failures.length === 0 || tasks.length > 0) {
      await printTasks(tasks, taskTableOptions(flags), { client, world });
    }
    if (failures.length > 0) throw new CliError(failures.join("\n"));
    return undefined;
  },
});
