// `skep system …`
import type { Noun } from "../../command.js";
import { backup, restore } from "./backup.js";
import { info } from "./info.js";
import { status } from "./status.js";

export const system: Noun = { name: "system", about: "Manage Skep", verbs: [backup, info, restore, status] };
