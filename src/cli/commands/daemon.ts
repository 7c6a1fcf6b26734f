// `skep daemon`: the node process. Its flags are its own; its code is loaded only here.
import { anyArguments, verb } from "../command.js";

export const daemon = verb({
  name: "daemon",
  use: "[OPTIONS]",
  about: "Run the node process: worker always, manager when the cluster says so",
  args: anyArguments,
  flags: {},
  raw: (argv, world) => world.runDaemon(argv),
  run: async () => undefined,
});
