// `skep system …`
import type { Noun } from "../../command.js";
import { info } from "./info.js";
import { status } from "./status.js";

export const system: Noun = { name: "system", about: "Manage Skep", verbs: [info, status] };
